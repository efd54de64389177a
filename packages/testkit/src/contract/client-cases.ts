import type { Redis } from 'ioredis';
import { jestGlobals } from '../jest-globals.js';
import type { Arena } from './arena.js';

/** The client belongs to the caller: it is used as it is, not changed and never closed. */
export function clientCases<Outcome>(arena: Arena<Outcome>): void {
  const { expect, it } = jestGlobals();
  const { expectHealthy } = arena.specimen;

  it("leaves the caller's client open, without methods or listeners of its own, after close()", async () => {
    const redis = arena.client();
    await redis.ping();
    const before = traceOn(redis);
    const { handle, use } = await arena.start({ redis });
    await expectHealthy(await use());
    await handle.close?.();
    await handle.close?.();
    expect(await redis.ping()).toBe('PONG');
    expect(traceOn(redis)).toStrictEqual(before);
  });

  it('works with a client that has a keyPrefix', async () => {
    const redis = arena.client({ keyPrefix: 'app-of-the-user:' });
    const { handle, use, keys } = await arena.start({ redis });
    await expectHealthy(await use());
    await expectHealthy(await use());
    const { length } = await keys();
    expect(length).toBeGreaterThan(0);
    if (handle.clear === undefined) return;
    expect(await handle.clear()).toBe(length);
    expect(await keys()).toStrictEqual([]);
  });

  it('works with a client that connects lazily', async () => {
    const { use } = await arena.start({ redis: arena.client({ lazyConnect: true }) });
    await expectHealthy(await use());
  });

  it.each([
    ['RESP2', { protocol: 2 }],
    ['RESP3', { protocol: 3 }],
    ['RESP3 with its own reply shapes', { protocol: 3, replyMapping: 'resp3' }],
  ] as const)('works with a client that speaks %s', async (_name, options) => {
    const { use } = await arena.start({ redis: arena.client(options) });
    await expectHealthy(await use());
    await expectHealthy(await use());
  });
}

/** What a library could have left on a client: methods (of `defineCommand`), listeners, other settings. */
function traceOn(redis: Redis) {
  const methods = Object.entries(redis)
    .filter(([, value]) => typeof value === 'function')
    .map(([name]) => name);
  const listeners = redis.eventNames().map((name) => [String(name), redis.listenerCount(name)]);
  return { methods, listeners, options: { ...redis.options } };
}
