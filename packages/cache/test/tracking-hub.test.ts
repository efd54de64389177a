import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, until, uniquePrefix } from '@sallyport/testkit';
import { createCache, type CacheEvent } from '../src/index.js';

const server = await dedicatedRedis();
const admin = server.client();

/** How many connections follow changes. */
async function followers(): Promise<number> {
  const list = String(await admin.client('LIST', 'TYPE', 'PUBSUB'));
  return list
    .split('\n')
    .filter((line) => line.includes('flags=') && line.includes('t'))
    .filter(Boolean).length;
}

describe('caches with l1 on one client', () => {
  it('share one connection, whose prefixes may begin with one another', async () => {
    const redis = server.client();
    const prefix = uniquePrefix('hub');
    const armed = new Set<string>();
    const refused: Error[] = [];
    const open = (own: string, namespace: string) => {
      const onEvent = (event: CacheEvent) => {
        if (event.type === 'l1' && event.error !== undefined) refused.push(event.error);
        if (event.type === 'l1') armed[event.isArmed ? 'add' : 'delete'](own + namespace);
      };
      return createCache({ redis, prefix: own, namespace, ttlMs: 60_000, deadlineMs: 5_000, l1: {}, onEvent });
    };
    const outer = open(prefix, 'a');
    const inner = open(`${prefix}a:`, 'b');
    await until(() => armed.size === 2);
    const later = open(prefix, 'c');
    await until(() => armed.size === 3);
    expect(await followers()).toBe(1);
    expect(refused).toStrictEqual([]);

    const writer = server.client();
    const elsewhere = (own: string, namespace: string) =>
      createCache({ redis: writer, prefix: own, namespace, ttlMs: 60_000, deadlineMs: 5_000 });
    const pairs = [
      [outer, elsewhere(prefix, 'a')],
      [inner, elsewhere(`${prefix}a:`, 'b')],
      [later, elsewhere(prefix, 'c')],
    ] as const;
    for (const [cache, other] of pairs) {
      await other.set('key', { n: 1 });
      await until(async () => (await cache.get('key')) === (await cache.get('key')));
      await other.set('key', { n: 2 });
      await until(async () => (await cache.get<{ n: number }>('key'))?.n === 2, { timeoutMs: 1_500 });
    }
    await outer.close();
    await inner.close();
    expect(await followers()).toBe(1);
    await later.close();
    await until(async () => (await followers()) === 0);
  });
});
