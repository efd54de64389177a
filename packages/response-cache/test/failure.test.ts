import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, expressVersions, startProxy, until, within } from '@sallyport/testkit';
import { site } from './fixture.js';

const server = await dedicatedRedis();
// Deadline, 50 ms on top of it, and room for a busy machine.
const DEADLINE_MS = 50;
const ROOM_MS = 300;

describe.each(expressVersions)('responseCache() on $name', ({ express }) => {
  async function behindProxy() {
    const proxy = await startProxy({ port: server.port });
    const redis = proxy.client({ retryStrategy: () => 20 });
    const shop = site(express, { redis, deadlineMs: DEADLINE_MS });
    shop.serve((_req, res) => void res.send('from the handler'));
    await until(async () => (await shop.get('/warm')).cache === 'HIT');
    return { proxy, shop };
  }

  describe.each(['stopped', 'paused', 'slow'] as const)('when Redis is %s', (how) => {
    it('answers by the handler within the deadline, says BYPASS, and recovers', async () => {
      const { proxy, shop } = await behindProxy();
      if (how === 'stopped') await proxy.refuse();
      if (how === 'paused') proxy.blackHole();
      if (how === 'slow') proxy.delay(1_000);
      for (let count = 0; count < 7; count += 1) {
        const asking = shop.get('/warm');
        expect(await within(2 * DEADLINE_MS + ROOM_MS, asking)).toBeLessThan(2 * DEADLINE_MS + ROOM_MS);
        expect(await asking).toMatchObject({ status: 200, cache: 'BYPASS', text: 'from the handler' });
      }
      expect(shop.events).toContainEqual(expect.objectContaining({ type: 'store-failure', operation: 'read' }));
      await proxy.heal();
      await until(async () => (await shop.get('/warm')).cache === 'HIT', { timeoutMs: 5_000 });
    });

    it('rejects purges: one that did not happen is never passed over', async () => {
      const { proxy, shop } = await behindProxy();
      if (how === 'stopped') await proxy.refuse();
      if (how === 'paused') proxy.blackHole();
      if (how === 'slow') proxy.delay(1_000);
      const unavailable = { code: 'ERR_CORE_STORE_UNAVAILABLE' };
      await expect(shop.cached.invalidate('/warm')).rejects.toMatchObject(unavailable);
      await expect(shop.cached.invalidateTags(['t'])).rejects.toMatchObject(unavailable);
      await expect(shop.cached.clear()).rejects.toMatchObject(unavailable);
      await proxy.heal();
    });
  });

  it('sends the whole response when Redis fails before it is stored, and reports it', async () => {
    const proxy = await startProxy({ port: server.port });
    const redis = proxy.client({ retryStrategy: () => 20 });
    const shop = site(express, { redis });
    shop.serve(async (_req, res) => {
      await proxy.refuse();
      res.send('whole');
    });
    await until(() => redis.status === 'ready');
    expect(await shop.get('/')).toMatchObject({ status: 200, cache: 'MISS', text: 'whole' });
    await until(() => shop.events.some((event) => event.type === 'store-failure' && event.operation === 'write'));
  });
});
