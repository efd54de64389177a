import { describe, expect, it } from '@jest/globals';
import { connect, countCommands, deferred, expressVersions, listen, uniquePrefix, until } from '@sallyport/testkit';
import type { Request, Response } from 'express';
import request from 'supertest';
import { rateLimit, type RateLimitEvent, type RateLimitOptions } from '../src/index.js';

// What the middleware adds to a limiter: lists, costs, plans, reservations, shadow mode.

const redis = connect();
const DAY = 86_400_000;

describe.each(expressVersions)('rateLimit() on $name', ({ express }) => {
  function create(
    options: Partial<RateLimitOptions>,
    handler = (_req: Request, res: Response): void => void res.end('ok'),
  ) {
    const events: RateLimitEvent[] = [];
    const limit = options.policies === undefined ? { limit: 5, windowMs: DAY } : {};
    const limiter = rateLimit({
      redis,
      ...limit,
      prefix: uniquePrefix('rate-limit'),
      deadlineMs: 5_000,
      onEvent: (event) => void events.push(event),
      ...options,
    });
    const app = express();
    app.set('trust proxy', 1);
    app.use(limiter);
    app.get('/', handler);
    const remaining = async () => (await limiter.get('127.0.0.1'))?.policies.map((policy) => policy.remaining);
    return { app, limiter, events, remaining };
  }

  it('names in the problem each policy that refused', async () => {
    const policies = [
      { name: 'burst', limit: 2, windowMs: 60_000 },
      { name: 'day', limit: 2, windowMs: DAY },
      { name: 'month', limit: 9, windowMs: 30 * DAY },
    ];
    const { app } = create({ policies });
    await request(app).get('/').expect(200);
    await request(app).get('/').expect(200);
    const { body } = await request(app).get('/').expect(429);
    expect(body['violated-policies']).toEqual(['burst', 'day']);
  });

  it('charges a cost that depends on the request, and refuses one that is no cost', async () => {
    const { app, remaining } = create({ cost: async (req) => Number(req.get('X-Cost')) });
    await request(app).get('/').set('X-Cost', '3').expect(200);
    expect(await remaining()).toEqual([2]);
    await request(app).get('/').set('X-Cost', 'many').expect(500);
  });

  it('takes the policies of a request from its plan', async () => {
    const plans = {
      free: [{ name: 'plan', limit: 1, windowMs: DAY }],
      paid: [{ name: 'plan', limit: 3, windowMs: DAY }],
    };
    const { app } = create({
      policies: (req) => (req.get('X-Plan') === 'paid' ? Promise.resolve(plans.paid) : plans.free),
    });
    await request(app).get('/').expect(200);
    await request(app).get('/').expect(429);
    // The same count under another limit.
    const { headers } = await request(app).get('/').set('X-Plan', 'paid').expect(200);
    expect(headers).toMatchObject({ 'x-ratelimit-limit': '3', 'x-ratelimit-remaining': '1' });
  });

  it('answers whom the block list names with 403, and passes whom the allow list names, without a command', async () => {
    const { app, events } = create({ blockList: ['192.0.2.1'], allowList: (req) => req.get('X-Probe') === 'yes' });
    await request(app).get('/').expect(200);
    const { total } = await countCommands(redis, async () => {
      const { headers } = await request(app)
        .get('/')
        .set('X-Forwarded-For', '::ffff:192.0.2.1')
        .set('X-Probe', 'yes')
        .expect(403);
      expect(headers['retry-after']).toBeUndefined();
      await request(app).get('/').set('X-Probe', 'yes').expect(200);
    });
    expect(total).toBe(0);
    expect(events.at(-1)).toMatchObject({ type: 'denied', source: 'list', decision: { reason: 'blocked' } });
  });

  it('lets every request through in shadow mode, without fields, and reports what it would have done', async () => {
    const { app, events } = create({ limit: 1, shadow: true });
    for (let requests = 0; requests < 3; requests += 1) {
      const { headers } = await request(app).get('/').expect(200);
      expect(Object.keys(headers).filter((name) => name.includes('ratelimit'))).toEqual([]);
    }
    expect(events.map((event) => event.type)).toEqual(['allowed', 'denied', 'denied']);
    expect(events.at(-1)).toMatchObject({ isShadow: true });
  });

  it('counts failures only, and does not turn away twenty good requests at once', async () => {
    const cost = { estimate: 0, actual: (_req: Request, res: Response) => (res.statusCode >= 400 ? 1 : 0) };
    const { app, remaining } = create(
      { cost },
      (req, res) => void res.status(Number(req.get('X-Status') ?? 200)).end(),
    );
    const good = await Promise.all(Array.from({ length: 20 }, () => request(app).get('/')));
    expect(good.every(({ status }) => status === 200)).toBe(true);
    for (let failures = 1; failures <= 5; failures += 1) {
      await request(app).get('/').set('X-Status', '401').expect(401);
      await until(async () => (await remaining())?.[0] === 5 - failures);
    }
    await request(app).get('/').expect(429);
  });

  it('settles by what the response cost, and gives back what a client that left had reserved', async () => {
    const hold = deferred();
    const cost = { estimate: 4, actual: () => 1 };
    const { app, remaining } = create({ cost }, (req, res) => {
      if (req.get('X-Hang') === 'yes') void hold.promise.then(() => res.end());
      else res.end('ok');
    });
    await request(app).get('/').expect(200);
    await until(async () => (await remaining())?.[0] === 4);
    const { url } = await listen(app);
    const gone = new AbortController();
    const hanging = fetch(url, { headers: { 'X-Hang': 'yes' }, signal: gone.signal }).catch(() => undefined);
    await until(async () => (await remaining())?.[0] === 0);
    gone.abort();
    await hanging;
    await until(async () => (await remaining())?.[0] === 4);
    hold.resolve();
  });

  it('bounds the requests of a client in flight, and lets the next one in when one is over', async () => {
    const hold = deferred();
    let inFlight = 0;
    const policies = [{ name: 'flight', limit: 2, windowMs: 60_000, algorithm: 'concurrency' as const }];
    const { app } = create({ policies }, (_req, res) => {
      inFlight += 1;
      void hold.promise.then(() => res.end());
    });
    const { url } = await listen(app);
    const first = [fetch(url), fetch(url)];
    await until(async () => inFlight === 2);
    expect((await fetch(url)).status).toBe(429);
    hold.resolve();
    for (const { status } of await Promise.all(first)) expect(status).toBe(200);
    await until(async () => (await fetch(url)).status === 200);
  });

  it('answers a ban with abnormal-usage-detected', async () => {
    const { app } = create({ limit: 1, penalty: { strikes: 1, windowMs: 1_000, banMs: DAY, maxBanMs: DAY } });
    await request(app).get('/').expect(200);
    const { body, headers } = await request(app).get('/').expect(429);
    expect(body.type).toBe('https://iana.org/assignments/http-problem-types#abnormal-usage-detected');
    expect(headers['cache-control']).toBe('no-store');
  });
});

describe('options of rateLimit()', () => {
  it.each([
    [{ policies: [] }, 'policies', '0 of them'],
    [
      { policies: Array.from({ length: 9 }, (_, index) => ({ name: `p${index}`, limit: 1, windowMs: 1 })) },
      'policies',
      '9 of them',
    ],
    [{ policies: [{ name: 'p', limit: -1, windowMs: 1 }] }, 'policies[0].limit', '-1'],
    [{ policies: [{ name: 'p', limit: Number.NaN, windowMs: 1 }] }, 'policies[0].limit', 'NaN'],
    [{ policies: [{ name: 'p', limit: '10', windowMs: 1 }] }, 'policies[0].limit', "'10'"],
    [{ policies: [{ name: 'p', limit: 1, windowMs: 0.5 }] }, 'policies[0].windowMs', '0.5'],
    [{ policies: [{ name: 'p', limit: Infinity, windowMs: 1 }] }, 'policies[0].limit', 'Infinity'],
    [{ policies: [{ name: 'p', limit: 1, windowMs: 1, size: 3 }] }, 'policies[0].size', '3'],
    [
      {
        policies: [
          { name: 'p', limit: 1, windowMs: 1 },
          { name: 'p', limit: 2, windowMs: 1 },
        ],
      },
      'policies[1].name',
      "'p'",
    ],
    [{ policies: [{ name: 'p\u00e9', limit: 1, windowMs: 1 }] }, 'policies[0].name', 'RFC 9651'],
    [{ policies: [{ name: 'p', limit: 5, windowMs: 1, burst: 6, algorithm: 'gcra' }] }, 'policies[0].burst', '6'],
    [{ policies: [{ name: 'p', limit: 5, windowMs: 1, burst: 1 }] }, 'policies[0].burst', '1'],
    [{ policies: [{ name: 'p', limit: 5, windowMs: 1, subWindows: 121 }] }, 'policies[0].subWindows', '121'],
    [
      { policies: [{ name: 'p', limit: 5, windowMs: 1, subWindows: 3, algorithm: 'gcra' }] },
      'policies[0].subWindows',
      '3',
    ],
    [
      { policies: [{ name: 'p', limit: 5, windowMs: 1, unit: 'concurrent-requests' }] },
      'policies[0].unit',
      'concurrent',
    ],
    [{ policies: [{ name: 'p', limit: 10_001, windowMs: 1, algorithm: 'sliding-log' }] }, 'policies[0].limit', '10001'],
    [{ policies: [{ name: 'p', limit: 1, windowMs: 1 }], limit: 1 }, 'limit', '1'],
    [{ policies: () => [], windowMs: 1 }, 'windowMs', '1'],
    [{ limit: 1, windowMs: 1, penalty: { strikes: 1, windowMs: 1, banMs: 2, maxBanMs: 1 } }, 'penalty.maxBanMs', '1'],
    [{ limit: 1, windowMs: 1, cost: { estimate: -1, actual: () => 1 } }, 'cost.estimate', '-1'],
  ])('refuses %j, naming the option and the value', (options, option, shown) => {
    const create = () => rateLimit({ redis, ...options } as RateLimitOptions);
    expect(create).toThrow(`option \`${option}\``);
    expect(create).toThrow(shown);
  });
});
