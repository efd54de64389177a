import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, expressVersions, startProxy, until, within } from '@sallyport/testkit';
import type { RequestHandler } from 'express';
import { site } from './fixture.js';

const server = await dedicatedRedis();
const DEADLINE_MS = 50;
// The full proof allows 50 ms on top of the deadline; otherwise there is room for a busy machine.
const isFull = process.env['SALLYPORT_TEST'] === 'full';
const LIMIT_MS = isFull ? DEADLINE_MS + 50 : 2 * DEADLINE_MS + 300;
const REQUESTS = isFull ? 50 : 7;

describe.each(expressVersions)('responseCache() on $name', ({ express }) => {
  async function behindProxy() {
    const proxy = await startProxy({ port: server.port });
    const redis = proxy.client({ retryStrategy: () => 20 });
    const shop = site(express, { redis, deadlineMs: DEADLINE_MS });
    /** What each request took the server, in ms. */
    const tookMs: number[] = [];
    const timed: RequestHandler = (_req, res, next) => {
      const startedAt = performance.now();
      res.once('finish', () => tookMs.push(performance.now() - startedAt));
      next();
    };
    shop.serve((_req, res) => void res.send('from the handler'), { before: [timed] });
    await until(async () => (await shop.get('/warm')).cache === 'HIT');
    tookMs.length = 0;
    return { proxy, shop, tookMs };
  }

  describe.each(['stopped', 'paused', 'slow'] as const)('when Redis is %s', (how) => {
    it('answers by the handler within the deadline, says BYPASS, and recovers', async () => {
      const { proxy, shop, tookMs } = await behindProxy();
      if (how === 'stopped') await proxy.refuse();
      if (how === 'paused') proxy.blackHole();
      if (how === 'slow') proxy.delay(1_000);
      for (let count = 0; count < REQUESTS; count += 1) {
        const asking = shop.get('/warm');
        await within(5_000, asking);
        expect(await asking).toMatchObject({ status: 200, cache: 'BYPASS', text: 'from the handler' });
      }
      expect(tookMs).toHaveLength(REQUESTS);
      expect(Math.max(...tookMs)).toBeLessThan(LIMIT_MS);
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
