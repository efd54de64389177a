import { describe, expect, it } from '@jest/globals';
import { deferred, startProxy } from '@sallyport/testkit';
import { createLoadGate } from '../src/load-gate.js';
import { cacheFixture } from './fixture.js';

describe('createLoadGate()', () => {
  it('lets no more than its number run at once, in order, also after failures', async () => {
    const gate = createLoadGate(2);
    const order: number[] = [];
    let running = 0;
    let most = 0;
    const loads = Array.from({ length: 10 }, (_load, index) =>
      gate.pass(async () => {
        running += 1;
        most = Math.max(most, running);
        order.push(index);
        await Promise.resolve();
        running -= 1;
        if (index % 3 === 0) throw new RangeError('no');
      }),
    );
    const outcomes = await Promise.allSettled(loads);
    expect(outcomes.filter(({ status }) => status === 'rejected').length).toBe(4);
    expect(order).toStrictEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(most).toBe(2);
  });
});

describe('createCache() when Redis is down', () => {
  it('runs no more than maxDegradedLoads loaders at once', async () => {
    const proxy = await startProxy();
    const { cache } = cacheFixture({ redis: proxy.client({ retryStrategy: () => 20 }), maxDegradedLoads: 3 });
    await proxy.refuse();
    const gate = deferred();
    let running = 0;
    let most = 0;
    const load = async () => {
      running += 1;
      most = Math.max(most, running);
      await gate.promise;
      running -= 1;
      return 'value';
    };
    const calls = Array.from({ length: 12 }, (_call, index) => cache.getOrSet(`key-${index}`, load));
    gate.resolve();
    expect(new Set(await Promise.all(calls))).toStrictEqual(new Set(['value']));
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(3);
  });
});
