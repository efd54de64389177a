import { jestGlobals } from '../jest-globals.js';
import { withForeignKeys } from '../foreign-keys.js';
import { expectTtlOnAllKeys, keysUnder } from '../keys.js';
import { uniquePrefix } from '../redis.js';
import type { Arena } from './arena.js';

/** What is written to Redis: only under the prefix, never for ever, and removed without touching anything else. */
export function keyCases<Outcome>(arena: Arena<Outcome>): void {
  const { expect, it } = jestGlobals();
  const { subject, expectHealthy } = arena.specimen;

  it('writes under its prefix only', async () => {
    const before = await keysUnder(arena.direct, '*');
    const { use, prefix } = await arena.start();
    await expectHealthy(await use());
    const added = (await keysUnder(arena.direct, '*')).filter((key) => !before.includes(key));
    expect(added).not.toHaveLength(0);
    expect(added.filter((key) => !key.startsWith(prefix))).toStrictEqual([]);
  });

  it('gives every key a TTL', async () => {
    const { use, prefix } = await arena.start();
    await expectHealthy(await use());
    await expectHealthy(await use());
    await expectTtlOnAllKeys(arena.direct, prefix, { except: subject.withoutTtl ?? [] });
  });

  it('keeps two prefixes apart', async () => {
    const one = await arena.start();
    const other = await arena.start();
    await expectHealthy(await one.use());
    const before = await one.keys();
    await expectHealthy(await other.use());
    expect(await other.keys()).not.toHaveLength(0);
    expect(await one.keys()).toStrictEqual(before);
    await other.handle.clear?.();
    expect(await one.keys()).toStrictEqual(before);
  });

  it('clears all keys under its prefix, and no others, and returns their number', async () => {
    // Characters that SCAN takes for a pattern must not make the prefix match the keys of others.
    const prefix = `${uniquePrefix('contract')}[ab]*?:`;
    const { handle, use, keys } = await arena.start({ prefix });
    if (handle.clear === undefined) return;
    const neighbour = prefix.replace('[ab]*?', 'axx');
    await arena.direct.set(`${neighbour}1`, 'foreign', 'EX', 60);
    await expectHealthy(await use());
    await expectHealthy(await use());
    const { length } = await keys();
    expect(length).toBeGreaterThan(0);
    expect(await withForeignKeys(arena.direct, () => handle.clear?.(), prefix)).toBe(length);
    expect(await keys()).toStrictEqual([]);
    expect(await arena.direct.exists(`${neighbour}1`)).toBe(1);
    expect(await handle.clear()).toBe(0);
    await expectHealthy(await use());
  });

  if (subject.storedKey !== undefined) {
    const { storedKey } = subject;
    it('gets and deletes by key, and tells whether there was something', async () => {
      const { handle, use } = await arena.start();
      expect(await handle.get?.(storedKey)).toBeUndefined();
      expect(await handle.delete?.(storedKey)).toBe(false);
      await expectHealthy(await use());
      expect(await handle.get?.(storedKey)).toBeDefined();
      expect(await handle.delete?.(storedKey)).toBe(true);
      expect(await handle.get?.(storedKey)).toBeUndefined();
    });
  }
}
