import { describe, expect, it } from '@jest/globals';
import { connect, countCommands, uniquePrefix } from '@sallyport/testkit';
import { createEntryStore, Kind, type Look } from '../src/index.js';

const TAGS = ['products', 'shop'];
const TTL_MS = 60_000;

/** A store with one entry of two parts, and a prepared look that counts its outcomes. */
async function fixture() {
  const redis = connect();
  const [prefix, corrupt] = [uniquePrefix('cache'), [] as string[]];
  const onCorrupt = (key: string) => void corrupt.push(key);
  const store = createEntryStore({
    redis,
    packageName: 'cache',
    prefix,
    namespace: 'test',
    deadlineMs: 5_000,
    onCorrupt,
  });
  async function write(text: string, lingers = true) {
    const fill = await store.startFill('key', { tags: TAGS, holdMs: 5_000, isFenced: true });
    const parts = ['', 'side'].map((part) => ({ part, kind: Kind.Bytes, body: Buffer.from(text + part) }));
    expect(await fill.commit(parts.map((one) => ({ ...one, ttlMs: TTL_MS, lingers })))).toBe(true);
  }
  await write('one ');
  let outcomes = 0;
  const look = store.prepareLook('key', ['', 'side'], { tags: TAGS, isFenced: true }, ({ entries }: Look) => {
    outcomes += 1;
    return entries.map((entry) => entry && `${entry.body.toString()}${entry.softAtMs > 0 ? ' (soft)' : ''}`);
  });
  const interpretations = () => outcomes;
  return { redis, prefix, store, corrupt, write, look, interpretations };
}

describe('createEntryStore().prepareLook()', () => {
  it('answers all calls of one turn by one command and one interpretation', async () => {
    const { redis, look, interpretations } = await fixture();
    const { result, commands } = await countCommands(redis, () => Promise.all([look(), look(), look()]));
    expect(result).toStrictEqual([
      ['one ', 'one side'],
      ['one ', 'one side'],
      ['one ', 'one side'],
    ]);
    expect(commands).toStrictEqual({ mget: 1 });
    expect(interpretations()).toBe(1);
  });

  it('asks Redis again for a call that comes after the read has left', async () => {
    const { redis, look, interpretations } = await fixture();
    const { commands } = await countCommands(redis, async () => {
      const early = look();
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([early, look()]);
    });
    expect(commands).toStrictEqual({ mget: 2 });
    expect(interpretations()).toBe(2);
  });

  it.each([
    ['a delete', 'delete', [undefined, undefined]],
    ['a purge of a tag', 'tag', [undefined, undefined]],
    ['a clear', 'clear', [undefined, undefined]],
    ['a soft delete', 'soft', ['one  (soft)', 'one side (soft)']],
    ['a soft purge of a tag', 'soft-tag', ['one  (soft)', 'one side (soft)']],
    ['another value', 'write', ['two ', 'two side']],
  ])('sees %s, also when it has read the entry before', async (_name, what, expected) => {
    const { store, write, look } = await fixture();
    expect(await look()).toStrictEqual(['one ', 'one side']);
    if (what === 'delete') await store.delete('key', ['']);
    if (what === 'tag') await store.invalidateTags(['shop']);
    if (what === 'clear') await store.clear();
    if (what === 'soft') await store.delete('key', [''], { soft: true });
    if (what === 'soft-tag') await store.invalidateTags(['shop'], { soft: true });
    if (what === 'write') await write('two ');
    expect(await look()).toStrictEqual(expected);
  });

  it('reports a record that is damaged, and gives nothing for it until it is written again', async () => {
    const { redis, prefix, corrupt, look, write } = await fixture();
    await look();
    await redis.set(`${prefix}test:{key}`, 'no frame', 'PX', TTL_MS);
    expect(await look()).toStrictEqual([undefined, 'one side']);
    expect(corrupt).toStrictEqual(['key']);
    await write('two ');
    expect(await look()).toStrictEqual(['two ', 'two side']);
  });

  it('hands a failure of Redis to every caller, and is as new afterwards', async () => {
    const { redis, look } = await fixture();
    redis.disconnect();
    const outcomes = await Promise.allSettled([look(), look()]);
    expect(outcomes.map(({ status }) => status)).toStrictEqual(['rejected', 'rejected']);
    await redis.connect();
    expect(await look()).toStrictEqual(['one ', 'one side']);
  });
});
