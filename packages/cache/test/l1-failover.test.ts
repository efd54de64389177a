import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, dedicatedSentinel, until } from '@sallyport/testkit';
import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { createCache, type Cache } from '../src/index.js';
import { cacheFixture } from './fixture.js';

const BOUND_MS = 1_500;
const keys = Array.from({ length: 20 }, (_key, index) => `key-${index}`);

/** Keeps writing and reading while `fault` happens; the values in memory must then be those in Redis. */
async function survive(client: () => Redis, fault: () => Promise<unknown>) {
  const { cache, events, prefix } = cacheFixture({ redis: client(), l1: {}, deadlineMs: 500 });
  const common = { prefix, namespace: 'test', ttlMs: 600_000, deadlineMs: 500 };
  const writer = createCache({ ...common, redis: client() });
  const isArmed = () => {
    const last = events.findLast((event) => event.type === 'l1');
    return last?.type === 'l1' && last.isArmed;
  };
  await until(isArmed, { timeoutMs: 5_000 });
  const state = { isOver: false };
  const writing = (async () => {
    for (let n = 1; !state.isOver; n += 1) {
      await Promise.all(keys.map((key) => writer.set(key, { n }).catch(() => false)));
      await Promise.all(keys.map((key) => cache.get(key)));
      await delay(5);
    }
  })();
  await until(async () => (await cache.get(keys[0] ?? '')) !== undefined);
  await fault();
  await until(isArmed, { timeoutMs: 20_000 });
  await delay(100);
  state.isOver = true;
  await writing;
  await writeOnceMore(writer);
  const truth = createCache({ ...common, redis: client(), deadlineMs: 5_000 });
  const values = (of: Cache) => Promise.all(keys.map((key) => of.get(key)));
  const expected = await until(async () => {
    const all = await values(truth);
    return all.every((value) => value !== undefined) && all;
  });
  await until(async () => expect(await values(cache)).toStrictEqual(expected) === undefined, { timeoutMs: BOUND_MS });
  await cache.close();
  return { events };
}

async function writeOnceMore(writer: Cache) {
  for (const key of keys) {
    await until(() => writer.set(key, { n: 'last' }).catch(() => false), { timeoutMs: 10_000 });
  }
}

describe('memory over the end of its server', () => {
  it('is right after a failover by Sentinel', async () => {
    const sentinel = await dedicatedSentinel();
    const { events } = await survive(
      () => sentinel.client(),
      () => sentinel.failover(),
    );
    expect(events.filter((event) => event.type === 'l1' && !event.isArmed).length).toBeGreaterThan(0);
  }, 60_000);

  it('is right after a crash and a restart that lost everything', async () => {
    const server = await dedicatedRedis();
    const { events } = await survive(
      () => server.client({ retryStrategy: () => 50 }),
      () => server.restart(),
    );
    expect(events.filter((event) => event.type === 'l1' && !event.isArmed).length).toBeGreaterThan(0);
  }, 60_000);
});
