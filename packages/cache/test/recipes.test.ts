import { describe, expect, it } from '@jest/globals';
import { deferred, until } from '@sallyport/testkit';
import { readFile } from 'node:fs/promises';
import { cacheFixture } from './fixture.js';

// Each recipe of the README as it stands there: run, and asked for what it promises.

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
const section = /\n## Recipes\n(.*?)\n## /s.exec(readme)?.[1] ?? '';
const recipes = new Map(
  [...section.matchAll(/### (.+?)\n.*?```ts\n(.*?)```/gs)].map(([, heading = '', code = '']) => [heading, code]),
);
const AsyncFunction = (async () => undefined).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<unknown>;

const done = new Set<string>();

/** Runs a recipe with the names that it expects to be there. */
async function run(heading: string, scope: Record<string, unknown>): Promise<unknown> {
  const code = recipes.get(heading);
  if (code === undefined) throw new Error(`The README has no recipe "${heading}"`);
  done.add(heading);
  return new AsyncFunction(...Object.keys(scope), code)(...Object.values(scope));
}

describe('recipes', () => {
  it('a slow query runs once for fifty requests, and its result is given while it is loaded anew', async () => {
    const { cache, elsewhere } = cacheFixture();
    let runs = 0;
    const gate = deferred();
    const db = { query: async () => (await gate.promise, [{ id: (runs += 1) }]) };
    const all = Array.from({ length: 50 }, () => run('Cache a slow query', { cache, db }));
    gate.resolve();
    expect(await Promise.all(all)).toStrictEqual(Array.from({ length: 50 }, () => [{ id: 1 }]));
    await elsewhere().invalidateTags(['products'], { soft: true });
    expect(await run('Cache a slow query', { cache, db })).toStrictEqual([{ id: 1 }]);
    await until(async () => JSON.stringify(await run('Cache a slow query', { cache, db })) === '[{"id":2}]');
  });

  it('the last rates stand in for an API that fails or is slow', async () => {
    const { cache } = cacheFixture();
    const recipe = (fetchRates: () => unknown) =>
      run('Keep the last good answer of an external API', { cache, fetchRates });
    let asked = 0;
    expect(await recipe(async () => ({ eur: 1.1 }))).toStrictEqual({ eur: 1.1 });
    await cache.delete('rates', { soft: true });
    const slow = deferred();
    expect(await recipe(() => ((asked += 1), slow.promise))).toStrictEqual({ eur: 1.1 });
    slow.reject(new RangeError('down'));
    const fail = async () => ((asked += 1), Promise.reject(new RangeError('down')));
    // While the failure is remembered, nobody asks again.
    await until(async () => (await cache.entries.read('rates', ['failure']))[0] !== undefined);
    expect(await recipe(fail)).toStrictEqual({ eur: 1.1 });
    expect(asked).toBe(1);
  });

  it('a write is followed by a purge, and the old row does not come back', async () => {
    const { cache } = cacheFixture();
    const rows = new Map([[7, 'old']]);
    const read = () => cache.getOrSet('product', () => rows.get(7), { tags: ['product:7'] });
    expect(await read()).toBe('old');
    const db = { query: async (_sql: string, [name, id]: [string, number]) => void rows.set(id, name) };
    await run('Purge after a write', { cache, db, id: 7, name: 'new' });
    expect(await read()).toBe('new');
  });

  it('the loader decides how long, under which tags, and whether', async () => {
    const { cache, redis, root } = cacheFixture();
    const users = [null, { isLocked: true, teams: [] }, { isLocked: false, teams: ['red'] }];
    const findUser = async (id: number) => users[id];
    for (const id of [0, 1, 2]) await run('Let the loader decide', { cache, id, findUser });
    expect(await redis.pttl(`${root}{user:0}`)).toBeLessThanOrEqual(5_000);
    expect(await cache.getMany(['user:0', 'user:1', 'user:2'])).toStrictEqual([null, undefined, users[2]]);
    await cache.invalidateTags(['team:red']);
    expect(await cache.get('user:2')).toBeUndefined();
  });

  it('of the README are all here', () => {
    expect([...recipes.keys()]).toStrictEqual([...done]);
  });
});
