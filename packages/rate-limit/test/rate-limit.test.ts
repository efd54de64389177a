import { describe, expect, it } from '@jest/globals';
import {
  connect,
  countCommands,
  expectTtlOnAllKeys,
  expressVersions,
  keysUnder,
  uniquePrefix,
  until,
} from '@sallyport/testkit';
import type { ErrorRequestHandler, Request } from 'express';
import { channel } from 'node:diagnostics_channel';
import request from 'supertest';
import { rateLimit, type AlgorithmName, type RateLimitEvent, type RateLimitOptions } from '../src/index.js';

const redis = connect();
const deadlineMs = 5_000;
const userOf = (req: Request): string => new URLSearchParams(req.url.slice(2)).get('user') ?? 'nobody';
const algorithmNames: AlgorithmName[] = ['ring', 'sliding-window', 'sliding-log', 'fixed-window', 'token-bucket'];

describe.each(expressVersions)('rateLimit() on $name', ({ express }) => {
  function create(options: Partial<RateLimitOptions> = {}) {
    const all = { redis, limit: 2, windowMs: 60_000, prefix: uniquePrefix('rate-limit'), deadlineMs, ...options };
    const limiter = rateLimit(all);
    const app = express();
    app.set('trust proxy', 1);
    app.use(limiter);
    app.get('/', (req, res) => void res.json(req.rateLimit ?? null));
    return { app, limiter, prefix: all.prefix };
  }

  describe.each(algorithmNames)('with %s', (algorithm) => {
    it.each([1, 2, 3])('admits %i requests and answers the next with 429', async (limit) => {
      const { app } = create({ algorithm, limit });
      for (let left = limit - 1; left >= 0; left -= 1) {
        const response = await request(app).get('/').expect(200);
        expect(response.headers).toMatchObject({
          'x-ratelimit-limit': String(limit),
          'x-ratelimit-remaining': String(left),
        });
        expect(response.headers['retry-after']).toBeUndefined();
      }
      const response = await request(app).get('/').expect(429);
      expect(response.headers['x-ratelimit-remaining']).toBe('0');
    });

    it('admits again when the server says that the time has come', async () => {
      const { app, limiter } = create({ algorithm, limit: 1, windowMs: 200 });
      await request(app).get('/').expect(200);
      // A busy machine may take longer than the window for this request: then there is nothing to wait for.
      await request(app).get('/');
      await until(async () => (await limiter.get('127.0.0.1'))?.isAllowed !== false);
      await request(app).get('/').expect(200);
    });
  });

  it('answers the rejected with a problem that names the limiter, and that no cache keeps (RFC 6585 §4)', async () => {
    const { app } = create({ limit: 1, name: 'api' });
    await request(app).get('/').expect(200);
    const response = await request(app).get('/').expect(429);
    expect(response.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
    });
    expect(response.body).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Quota Exceeded',
      status: 429,
      detail: expect.stringMatching(/^The limit of 1 requests is used up\. Try again in \d+ s\.$/),
      'violated-policies': ['api'],
    });
  });

  it('sends X-RateLimit-Reset as the seconds until the full limit is back, and Retry-After until the next request', async () => {
    const { app } = create({ algorithm: 'token-bucket', limit: 10, windowMs: 100_000 });
    for (let left = 9; left >= 0; left -= 1) await request(app).get('/').expect(200);
    const { headers } = await request(app).get('/').expect(429);
    // One token takes 10 s, ten take 100 s; less what has flowed in since the first request.
    expect(Number(headers['x-ratelimit-reset'])).toBeGreaterThan(90);
    expect(Number(headers['x-ratelimit-reset'])).toBeLessThanOrEqual(100);
    expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(headers['retry-after'])).toBeLessThanOrEqual(10);
  });

  it('gives the handlers the decision as req.rateLimit', async () => {
    const { app } = create({ limit: 5, name: 'api' });
    const { body } = await request(app).get('/');
    expect(body).toEqual({
      outcome: 'allowed',
      isAllowed: true,
      key: '127.0.0.1',
      cost: 1,
      policies: [
        {
          name: 'api',
          limit: 5,
          windowMs: 60_000,
          unit: 'requests',
          remaining: 4,
          resetMs: expect.any(Number),
          retryAfterMs: 0,
          isAllowed: true,
        },
      ],
      retryAfterMs: 0,
    });
  });

  it('counts each client by its address, an IPv6 client by its /56', async () => {
    const { app } = create({ limit: 1 });
    const from = (address: string) => request(app).get('/').set('X-Forwarded-For', address);
    await from('192.0.2.1').expect(200);
    await from('192.0.2.2').expect(200);
    await from('::ffff:c000:201').expect(429);
    await from('2001:db8:0:1200::1').expect(200);
    await from('2001:db8:0:12ff::9').expect(429);
    await from('2001:db8:0:1300::1').expect(200);
  });

  it('takes another IPv6 subnet', async () => {
    const { app } = create({ limit: 1, ipv6Subnet: 64 });
    const from = (address: string) => request(app).get('/').set('X-Forwarded-For', address);
    await from('2001:db8:0:1200::1').expect(200);
    await from('2001:db8:0:12ff::9').expect(200);
    await from('2001:db8:0:1200::2').expect(429);
  });

  it.each([
    ['at once', (user: string) => user],
    ['later', async (user: string) => user],
  ])('counts by a key function that answers %s', async (_when, answer) => {
    const { app } = create({ limit: 1, key: (req) => answer(userOf(req)) });
    await request(app).get('/?user=ann').expect(200);
    await request(app).get('/?user=bob').expect(200);
    await request(app).get('/?user=ann').expect(429);
  });

  it('keeps keys from users short, under the prefix and inside the hash tag', async () => {
    const { app, prefix } = create({ limit: 1, name: 'n', key: (req) => userOf(req) });
    for (const user of ['a}b{c', '*', '\r\nSET x', 'é', 'x'.repeat(10_000)]) {
      await request(app)
        .get(`/?user=${encodeURIComponent(user)}`)
        .expect(200);
      await request(app)
        .get(`/?user=${encodeURIComponent(user)}`)
        .expect(429);
    }
    const keys = await keysUnder(redis, `${prefix}*`);
    expect(keys).toHaveLength(5);
    for (const key of keys) {
      expect(key).toMatch(/^rate-limit-\w+:[\w-]{4}\{[^{}\s]+\}$/);
      expect(key.length).toBeLessThan(300);
    }
  });

  it.each([undefined, '', 7, null])(
    'hands ERR_RATE_LIMIT_KEY on when key gives %j, and counts nothing',
    async (value) => {
      const limiter = rateLimit({ redis, limit: 1, windowMs: 1_000, key: () => value as string });
      const app = express();
      app.use(limiter);
      const answer: ErrorRequestHandler = (error, _req, res, _next) => {
        res.status(error.status).json({ code: error.code, message: error.message });
      };
      app.use(answer);
      const response = await request(app).get('/').expect(500);
      expect(response.body).toMatchObject({
        code: 'ERR_RATE_LIMIT_KEY',
        message: expect.stringContaining('must give a string that is not empty'),
      });
    },
  );

  it.each([
    [
      'throws',
      () => {
        throw new Error('from key');
      },
    ],
    ['rejects', () => Promise.reject(new Error('from key'))],
  ])('hands the error on when key %s', async (_how, key) => {
    const { app } = create({ key });
    await request(app).get('/').expect(500);
  });

  it('passes what skip picks without counting it', async () => {
    const { app, limiter } = create({ limit: 1, skip: async (req) => req.get('X-Health') === 'yes' });
    for (let time = 0; time < 3; time += 1) {
      const { headers, body } = await request(app).get('/').set('X-Health', 'yes').expect(200);
      expect(headers['x-ratelimit-limit']).toBeUndefined();
      expect(body).toBeNull();
    }
    expect(await limiter.get('127.0.0.1')).toBeUndefined();
  });

  it('tells the client about the stricter of two limiters, whichever comes first', async () => {
    for (const limits of [
      [100, 3],
      [3, 100],
    ]) {
      const app = express();
      const prefix = uniquePrefix('rate-limit');
      for (const limit of limits) app.use(rateLimit({ redis, limit, windowMs: 60_000, prefix, deadlineMs }));
      app.get('/', (req, res) => void res.json(req.rateLimit));
      const { headers, body } = await request(app).get('/').expect(200);
      expect(headers).toMatchObject({ 'x-ratelimit-limit': '3', 'x-ratelimit-remaining': '2' });
      expect(body).toMatchObject({ policies: [{ limit: 3, remaining: 2 }] });
    }
  });

  it('keeps limiters apart that have other policies, and joins those that have the same name', async () => {
    const prefix = uniquePrefix('rate-limit');
    const app = express();
    const on = (path: string, options: Partial<RateLimitOptions>) =>
      app.get(
        path,
        rateLimit({ redis, limit: 1, windowMs: 60_000, prefix, deadlineMs, ...options }),
        (_req, res) => void res.end(),
      );
    on('/a', {});
    on('/b', { limit: 2 });
    on('/c', { name: 'shared' });
    on('/d', { name: 'shared' });
    await request(app).get('/a').expect(200);
    await request(app).get('/b').expect(200);
    await request(app).get('/c').expect(200);
    await request(app).get('/d').expect(429);
    await request(app).get('/b').expect(200);
    await request(app).get('/b').expect(429);
  });

  it('never reads the state of another algorithm under the same name', async () => {
    const prefix = uniquePrefix('rate-limit');
    for (const algorithm of algorithmNames) {
      const { app } = create({ prefix, name: 'same', algorithm, limit: 1 });
      await request(app).get('/').expect(200);
      await request(app).get('/').expect(429);
    }
    await expectTtlOnAllKeys(redis, prefix);
  });

  it('takes one command per decision', async () => {
    const { app } = create({ limit: 50 });
    await request(app).get('/');
    const { commands } = await countCommands(redis, async () => {
      for (let requests = 0; requests < 10; requests += 1) await request(app).get('/');
    });
    expect(commands).toEqual({ evalsha: 10 });
  });

  it('reports each decision to onEvent and to the diagnostics channel', async () => {
    const events: RateLimitEvent[] = [];
    const published: unknown[] = [];
    const listener = (event: unknown) => void published.push(event);
    channel('sallyport:rate-limit').subscribe(listener);
    const { app } = create({ limit: 1, name: 'api', onEvent: (event) => void events.push(event) });
    await request(app).get('/');
    await request(app).get('/');
    channel('sallyport:rate-limit').unsubscribe(listener);
    expect(events).toMatchObject([
      {
        type: 'allowed',
        name: 'api',
        key: '127.0.0.1',
        decision: { policies: [{ limit: 1, remaining: 0 }] },
        source: 'redis',
      },
      { type: 'denied', name: 'api', key: '127.0.0.1', decision: { reason: 'limit' }, source: 'redis' },
    ]);
    expect(published).toEqual(events);
  });

  it('is a function with a name, for stack traces and the list of layers', () => {
    expect(create().limiter.name).toBe('rateLimit');
  });

  describe('handle', () => {
    it('gets where a client stands without counting, in any notation of its address', async () => {
      const { app, limiter } = create({ limit: 5, name: 'api' });
      expect(await limiter.get('127.0.0.1')).toBeUndefined();
      await request(app).get('/');
      for (const address of ['127.0.0.1', '::ffff:7f00:1']) {
        expect(await limiter.get(address)).toMatchObject({
          key: '127.0.0.1',
          policies: [{ remaining: 4 }],
          isAllowed: true,
        });
      }
    });

    it('finds an IPv6 client by the key that events show', async () => {
      const { app, limiter } = create();
      await request(app).get('/').set('X-Forwarded-For', '2001:db8::1');
      expect(await limiter.get('2001:db8::/56')).toMatchObject({ policies: [{ remaining: 1 }] });
    });

    it('gives a client its limit back with delete', async () => {
      const { app, limiter } = create({ limit: 1 });
      await request(app).get('/').expect(200);
      expect(await limiter.delete('127.0.0.1')).toBe(true);
      expect(await limiter.delete('127.0.0.1')).toBe(false);
      await request(app).get('/').expect(200);
    });

    it('clears its own clients and not those of a limiter beside it', async () => {
      const prefix = uniquePrefix('rate-limit');
      const one = create({ prefix, name: 'one' });
      const other = create({ prefix, name: 'one.more' });
      await request(one.app).get('/');
      await request(other.app).get('/');
      expect(await one.limiter.clear()).toBe(1);
      expect(await one.limiter.get('127.0.0.1')).toBeUndefined();
      expect(await other.limiter.get('127.0.0.1')).toBeDefined();
    });
  });
});

describe('rateLimit() for a client that has gone', () => {
  it('counts it under the key of unknown clients', async () => {
    const prefix = uniquePrefix('rate-limit');
    const limiter = rateLimit({ redis, limit: 5, windowMs: 60_000, prefix, deadlineMs });
    const headers = new Map<string, unknown>();
    const res = { headersSent: false, setHeader: (name: string, value: unknown) => headers.set(name, value) };
    await new Promise<void>((resolve) => void limiter({ ip: undefined } as never, res as never, () => resolve()));
    expect(await limiter.get('unknown')).toMatchObject({ policies: [{ remaining: 4 }] });
    expect(headers.get('X-RateLimit-Remaining')).toBe('4');
  });
});
