import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OptionError, StoreUnavailableError, type RedisClient } from '@sallyport/core';
import {
  connect,
  countCommands,
  dedicatedCluster,
  dedicatedRedis,
  expectTtlOnAllKeys,
  expressVersions,
  keysUnder,
  startProxy,
  uniquePrefix,
  until,
  within,
} from '@sallyport/testkit';
import type { Response } from 'express';
import { rateLimit, type Options } from 'express-rate-limit';
import request from 'supertest';
import { createExpressRateLimitStore, type ExpressRateLimitStore } from '../src/express-rate-limit-store.js';

// express-rate-limit itself is under test with our store; it prints what goes wrong, so a silent test is a clean one.

const redis = connect();

function createStore(windowMs = 60_000, settings: { redis?: RedisClient; prefix?: string; takesBack?: boolean } = {}) {
  const prefix = settings.prefix ?? uniquePrefix('erl');
  const store = createExpressRateLimitStore({ redis: settings.redis ?? redis, prefix, deadlineMs: 1_000 });
  store.init({ windowMs, skipFailedRequests: settings.takesBack ?? false });
  return { store, prefix };
}

describe.each(expressVersions)('express-rate-limit with our store on $name', ({ express }) => {
  function createApp(options: Partial<Options>, storeRedis: RedisClient = redis) {
    const store = createExpressRateLimitStore({ redis: storeRedis, prefix: uniquePrefix('erl'), deadlineMs: 200 });
    const logged: unknown[] = [];
    const logger = {
      error: (error: unknown) => void logged.push(error),
      warn: (error: unknown) => void logged.push(error),
    };
    const app = express();
    const limiter = rateLimit({ windowMs: 60_000, limit: 2, logger, store, ...options });
    app.use(limiter);
    app.get('/ok', (_req, res) => void res.send('ok'));
    app.get('/bad', (_req, res) => void res.status(401).send('no'));
    app.use((error: Error, _req: unknown, res: Response, _next: unknown) => {
      res.status(503).json({ name: error.name, code: Reflect.get(error, 'code') });
    });
    return { app, limiter, store, logged };
  }

  it('admits the limit and refuses the rest, with its fields', async () => {
    const { app, store, logged } = createApp({ standardHeaders: 'draft-7' });
    for (const remaining of ['1', '0']) {
      const { headers } = await request(app).get('/ok').expect(200);
      expect(headers['x-ratelimit-remaining']).toBe(remaining);
      expect(Number(headers['x-ratelimit-reset'])).toBeGreaterThan(Date.now() / 1000 + 50);
    }
    const { headers } = await request(app).get('/ok').expect(429);
    expect(Number(headers['retry-after'])).toBeGreaterThan(50);
    expect(headers['ratelimit']).toMatch(/^limit=2, remaining=0, reset=(59|60)$/);
    expect(logged).toEqual([]);
    await expectTtlOnAllKeys(redis, store.prefix);
  });

  it('gives failed requests back, and counts successful ones', async () => {
    const { app, limiter, logged } = createApp({ skipFailedRequests: true });
    for (let requests = 0; requests < 5; requests += 1) {
      await request(app).get('/bad').expect(401);
      await until(async () => (await hits(limiter)) === 0);
    }
    await request(app).get('/ok').expect(200);
    await request(app).get('/ok').expect(200);
    await request(app).get('/ok').expect(429);
    expect(logged).toEqual([]);
  });

  it('gives successful requests back when told so', async () => {
    const { app, limiter } = createApp({ skipSuccessfulRequests: true });
    await request(app).get('/ok').expect(200);
    await until(async () => (await hits(limiter)) === 0);
    await request(app).get('/bad').expect(401);
    expect(await hits(limiter)).toBe(1);
  });

  it('shows and resets a client through the middleware', async () => {
    const { app, limiter } = createApp({});
    for (let requests = 0; requests < 3; requests += 1) await request(app).get('/ok');
    expect(await limiter.getKey('127.0.0.1')).toMatchObject({ totalHits: 3, resetTime: expect.any(Date) });
    limiter.resetKey('127.0.0.1');
    await until(async () => (await limiter.getKey('127.0.0.1')) === undefined);
    await request(app).get('/ok').expect(200);
  });

  it('hands a typed error on while Redis is down, and counts once it is back', async () => {
    const proxy = await startProxy();
    await proxy.refuse();
    const { app } = createApp({}, proxy.client({ retryStrategy: () => 20 }));
    const { body } = await request(app).get('/ok').expect(503);
    expect(body).toEqual({ name: 'StoreUnavailableError', code: 'ERR_CORE_STORE_UNAVAILABLE' });
    await proxy.heal();
    await until(async () => (await request(app).get('/ok')).status === 200);
    await until(async () => (await request(app).get('/ok')).status === 429);
  });

  it('lets requests pass while Redis is down with passOnStoreError, and limits once it is back', async () => {
    const proxy = await startProxy();
    await proxy.refuse();
    const { app, logged } = createApp({ passOnStoreError: true }, proxy.client({ retryStrategy: () => 20 }));
    for (let requests = 0; requests < 8; requests += 1) await request(app).get('/ok').expect(200);
    expect(logged).toHaveLength(8);
    expect(logged[0]).toBeInstanceOf(StoreUnavailableError);
    await proxy.heal();
    await until(async () => (await request(app).get('/ok')).status === 429);
  });

  it('answers within its deadline when Redis swallows commands', async () => {
    const proxy = await startProxy();
    const client = proxy.client();
    await client.ping();
    const { app } = createApp({ passOnStoreError: true }, client);
    await request(app).get('/ok').expect(200);
    proxy.blackHole();
    expect(await within(5_000, Promise.resolve(request(app).get('/ok').expect(200)))).toBeLessThan(1_500);
  });

  it('fails each request, and does not count over another window, when windowMs is not whole milliseconds', async () => {
    const { app, logged } = createApp({ windowMs: 1500.5 });
    expect(logged).toEqual([expect.any(OptionError)]);
    const { body } = await request(app).get('/ok').expect(503);
    expect(body).toEqual({ name: 'OptionError', code: 'ERR_RATE_LIMIT_OPTION' });
  });
});

const serverMs = ([seconds, micros]: readonly unknown[]) => Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);

async function hits(limiter: { getKey(key: string): unknown }): Promise<number> {
  const count = (await limiter.getKey('127.0.0.1')) as { totalHits: number } | undefined;
  return count?.totalHits ?? 0;
}

describe('createExpressRateLimitStore()', () => {
  it.each([
    [{}, 'option `redis` must be an ioredis client'],
    [{ redis, prefix: '{x}' }, "option `prefix` must be 1 to 100 printable ASCII characters but {}, got '{x}'"],
    [{ redis, deadlineMs: 0 }, 'option `deadlineMs` must be an integer from 1 to 60000, got 0'],
    [{ redis, windowMs: 5 }, 'option `windowMs` must be left out: there is no such option'],
  ])('refuses %#', (options, message) => {
    expect(() => createExpressRateLimitStore(options as never)).toThrow(message);
  });

  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '60000', undefined])(
    'refuses windowMs %p',
    async (windowMs) => {
      const store = createExpressRateLimitStore({ redis });
      expect(() => store.init({ windowMs: windowMs as number })).toThrow('option `windowMs` must be an integer from 1');
      await expect(store.increment('a')).rejects.toBeInstanceOf(OptionError);
    },
  );

  it('counts concurrent hits exactly, one command each', async () => {
    const { store } = createStore();
    await store.increment('warm');
    const { result, commands } = await countCommands(redis, () =>
      Promise.all(Array.from({ length: 200 }, () => store.increment('many'))),
    );
    expect(result.map(({ totalHits }) => totalHits).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 200 }, (_, index) => index + 1),
    );
    expect(commands).toEqual({ evalsha: 200 });
  });

  it('begins a new window when one is over', async () => {
    const { store } = createStore(60);
    await store.increment('a');
    expect((await store.increment('a')).totalHits).toBeGreaterThanOrEqual(1);
    await until(async () => (await store.get('a')) === undefined);
    expect((await store.increment('a')).totalHits).toBe(1);
  });

  it('says that a window ends no later than it does', async () => {
    const { store, prefix } = createStore(60_000);
    const { resetTime } = await store.increment('a');
    const endsAt = Number(await redis.call('pexpiretime', `${prefix}{a}`));
    const offsetMs = serverMs(await redis.time()) - Date.now();
    expect(resetTime.getTime()).toBeLessThanOrEqual(endsAt - offsetMs + 2);
    expect(resetTime.getTime()).toBeGreaterThan(endsAt - offsetMs - 1_500);
  });

  it('takes a changed window at once, without losing the count', async () => {
    const prefix = uniquePrefix('erl');
    const { store } = createStore(60_000, { prefix });
    await store.increment('a');
    const { store: longer } = createStore(600_000, { prefix });
    const { totalHits, resetTime } = await longer.increment('a');
    expect(totalHits).toBe(2);
    expect(resetTime.getTime()).toBeGreaterThan(Date.now() + 500_000);
  });

  it('leaves no key behind when it takes back from a client without a window', async () => {
    const { store, prefix } = createStore();
    await store.decrement('nobody');
    expect(await keysUnder(redis, `${prefix}*`)).toEqual([]);
  });

  it('never goes below 0, and keeps the time to live', async () => {
    const { store, prefix } = createStore();
    await store.increment('a');
    for (let times = 0; times < 5; times += 1) await store.decrement('a');
    await expectTtlOnAllKeys(redis, prefix);
    expect(await redis.pttl(`${prefix}{a}`)).toBeLessThanOrEqual(60_000);
    expect((await store.increment('a')).totalHits).toBe(1);
  });

  it('takes nothing back from a window that began after the hit', async () => {
    const prefix = uniquePrefix('erl');
    const { store } = createStore(60_000, { prefix, takesBack: true });
    await store.increment('a');
    // Another process sees the window end and the next begin: the counter is gone, and counted anew.
    const { store: other } = createStore(60_000, { prefix, takesBack: true });
    await other.resetKey('a');
    // Windows are named by the millisecond in which they began.
    const begun = serverMs(await redis.time());
    await until(async () => serverMs(await redis.time()) > begun);
    await other.increment('a');
    await store.decrement('a');
    expect((await other.get('a'))?.totalHits).toBe(1);
    await other.decrement('a');
    expect(await other.get('a')).toBeUndefined();
  });

  it('forgets one client, and all, and nobody else', async () => {
    const { store } = createStore();
    const { store: neighbour } = createStore();
    for (const each of [store, neighbour]) for (const key of ['a', 'b', '{a}', '*']) await each.increment(key);
    await store.resetKey('a');
    expect(await store.get('a')).toBeUndefined();
    expect(await store.get('{a}')).toMatchObject({ totalHits: 1 });
    await store.resetAll();
    expect(await store.get('*')).toBeUndefined();
    expect(await neighbour.get('b')).toMatchObject({ totalHits: 1 });
  });

  it('counts and gives back once when the reply is lost and the client would send again', async () => {
    const proxy = await startProxy();
    // The defaults of ioredis: what was in flight when the connection broke is sent again.
    const client = proxy.client({ retryStrategy: () => 10 });
    await client.ping();
    const { store, prefix } = createStore(60_000, { redis: client });
    const { store: observer } = createStore(60_000, { prefix });
    for (let times = 0; times < 5; times += 1) await observer.increment('a');
    for (const expected of [6, 7, 8]) {
      proxy.dropReplies(1);
      await expect(store.increment('a')).rejects.toBeInstanceOf(StoreUnavailableError);
      await until(() => client.status === 'ready');
      await client.ping();
      expect((await observer.get('a'))?.totalHits).toBe(expected);
    }
    proxy.dropReplies(1);
    await expect(store.decrement('a')).rejects.toBeInstanceOf(StoreUnavailableError);
    await until(() => client.status === 'ready');
    await client.ping();
    expect((await observer.get('a'))?.totalHits).toBe(7);
  });

  it('goes on after SCRIPT FLUSH, and frees nothing of the caller on shutdown()', async () => {
    const server = await dedicatedRedis();
    const client = server.client();
    const { store } = createStore(60_000, { redis: client });
    await store.increment('a');
    await client.script('FLUSH');
    expect((await store.increment('a')).totalHits).toBe(2);
    store.shutdown();
    expect(client.status).toBe('ready');
    expect((await store.increment('a')).totalHits).toBe(3);
  });

  it('works with a client that has a keyPrefix', async () => {
    const outer = uniquePrefix('outer');
    const { store } = createStore(60_000, { redis: connect({ keyPrefix: outer }), prefix: 'erl:' });
    await store.increment('a');
    expect(await keysUnder(redis, `${outer}*`)).toEqual([`${outer}erl:{a}`]);
    await store.resetAll();
    expect(await keysUnder(redis, `${outer}*`)).toEqual([]);
  });

  describe('on a Cluster', () => {
    let store: ExpressRateLimitStore;
    beforeAll(async () => {
      const cluster = await dedicatedCluster();
      const client = cluster.client();
      await within(10_000, client.ping());
      ({ store } = createStore(60_000, { redis: client, takesBack: true }));
    }, 30_000);
    afterAll(() => store.shutdown());

    it('counts, gives back and forgets keys of any slot', async () => {
      const keys = Array.from({ length: 30 }, (_, index) => `client-${index}`);
      for (const key of [...keys, ...keys]) await store.increment(key);
      for (const key of keys) await store.decrement(key);
      for (const key of keys) expect(await store.get(key)).toMatchObject({ totalHits: 1 });
      await store.resetAll();
      for (const key of keys) expect(await store.get(key)).toBeUndefined();
    });
  });
});
