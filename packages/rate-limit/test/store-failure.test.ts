import { beforeEach, describe, expect, it } from '@jest/globals';
import { createRedis } from '@sallyport/core';
import { startProxy, uniquePrefix, until, type FaultProxy } from '@sallyport/testkit';
import express from 'express';
import request from 'supertest';
import { rateLimit, StoreUnavailableError, type RateLimitEvent, type RateLimitOptions } from '../src/index.js';

// Beyond the contract, which has the policies on each kind of fault: what each policy does in detail.

let proxy: FaultProxy;
let events: RateLimitEvent[];

beforeEach(async () => {
  proxy = await startProxy();
  events = [];
});

function create(options: Partial<RateLimitOptions> = {}) {
  const limiter = rateLimit({
    redis: proxy.client({ retryStrategy: () => 20 }),
    limit: 2,
    windowMs: 60_000,
    name: 'api',
    prefix: uniquePrefix('rate-limit-failure'),
    onEvent: (event) => void events.push(event),
    ...options,
  });
  const app = express();
  app.use(limiter);
  app.get('/', (req, res) => void res.json(req.rateLimit ?? null));
  return { app, limiter };
}

describe('rateLimit() when Redis is unreachable', () => {
  it.each(['ring', 'sliding-window', 'sliding-log', 'fixed-window', 'token-bucket'] as const)(
    'counts in this process by the same algorithm, without fields: %s',
    async (algorithm) => {
      await proxy.refuse();
      const { app } = create({ algorithm });
      for (const remaining of [1, 0]) {
        const { body, headers } = await request(app).get('/').expect(200);
        expect(body).toMatchObject({ outcome: 'degraded', isAllowed: true, policies: [{ limit: 2, remaining }] });
        expect(Object.keys(headers).filter((name) => name.startsWith('x-ratelimit'))).toEqual([]);
      }
      const { headers } = await request(app).get('/').expect(429);
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(headers['x-ratelimit-limit']).toBeUndefined();
    },
  );

  it('counts in Redis again once it is back', async () => {
    await proxy.refuse();
    const { app } = create();
    await request(app).get('/').expect(200);
    await proxy.heal();
    await until(async () => (await request(app).get('/')).headers['x-ratelimit-limit'] === '2');
  });

  it('admits without fields when the policy is open', async () => {
    await proxy.refuse();
    const { app } = create({ onStoreFailure: 'open' });
    for (let requests = 0; requests < 5; requests += 1) {
      const { body, headers } = await request(app).get('/').expect(200);
      expect(body).toMatchObject({ outcome: 'degraded', reason: 'store-failure', policies: [] });
      expect(headers['x-ratelimit-limit']).toBeUndefined();
    }
  });

  it('answers 503 with a problem when the policy is closed', async () => {
    await proxy.refuse();
    const { app } = create({ onStoreFailure: 'closed' });
    const { body, headers } = await request(app).get('/').expect(503);
    expect(headers).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' });
    expect(body).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      status: 503,
      'violated-policies': ['api'],
    });
  });

  it('reports the failure, and then the decision that replaced it', async () => {
    await proxy.refuse();
    const { app } = create();
    await request(app).get('/');
    expect(events).toMatchObject([
      {
        type: 'store-failure',
        name: 'api',
        key: '127.0.0.1',
        policy: 'local',
        error: expect.any(StoreUnavailableError),
      },
      { type: 'degraded', source: 'local' },
    ]);
  });

  it('rejects get() and delete(), which have no policy', async () => {
    await proxy.refuse();
    const { limiter } = create();
    await expect(limiter.get('127.0.0.1')).rejects.toMatchObject({ code: 'ERR_CORE_STORE_UNAVAILABLE', status: 503 });
    await expect(limiter.delete('127.0.0.1')).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it('forgets what this process counted on close(), and goes on', async () => {
    await proxy.refuse();
    const { app, limiter } = create({ limit: 1 });
    await request(app).get('/').expect(200);
    await request(app).get('/').expect(429);
    await limiter.close();
    await request(app).get('/').expect(200);
  });
});

describe('rateLimit() when Redis swallows commands', () => {
  it('answers a hundred requests at once by its policy, and not one after the other', async () => {
    const redis = createRedis(proxy.url, { onError: () => undefined });
    const { app } = create({ limit: 1_000, redis });
    await request(app).get('/').expect(200);
    proxy.blackHole();
    const started = performance.now();
    const responses = await Promise.all(Array.from({ length: 100 }, () => request(app).get('/')));
    expect(responses.every(({ status }) => status === 200)).toBe(true);
    // Deadline 50 ms; the rest is a hundred connections on a busy machine.
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(events.filter(({ type }) => type === 'store-failure').length).toBe(100);
    redis.disconnect();
  });
});
