import { describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import {
  connect,
  dedicatedRedis,
  deferred,
  expressVersions,
  listen,
  middlewareContract,
  uniquePrefix,
  until,
} from '@sallyport/testkit';
import { lockRequests, type LockableRequest, type LockEvent, type LockRequestsOptions } from '@sallyport/lock';

const redis = connect();

let held = 0;

function note(event: LockEvent): void {
  if (event.type === 'acquired') held += 1;
  const isFailedRelease = event.type === 'store-failure' && event.operation === 'release';
  if (event.type === 'released' || event.type === 'lost' || isFailedRelease) held = Math.max(held - 1, 0);
}

middlewareContract({
  name: 'lock',
  create: lockRequests,
  options: { key: () => 'a', onEvent: note },
  // The lock is given back after the response; the contract looks at Redis when that is over.
  async request(url) {
    const response = await fetch(url);
    await until(() => held <= 0, { timeoutMs: 5_000 });
    return response;
  },
  expectDegraded: (response) => expect(response.status).toBe(503),
  policies: {
    closed: (response) => expect(response.status).toBe(503),
    open: (response) => expect(response.status).toBe(200),
  },
  badOptions: {
    key: [undefined, 'cart'],
    mode: ['queue', null],
    waitMs: [-1, 1.5],
    leaseMs: [0, 199],
    status: [200, '423'],
  },
});

describe.each(expressVersions)('lockRequests() on $name', ({ express }) => {
  /** Handlers that the test ends, one after the other. */
  async function serve(options: Partial<LockRequestsOptions> = {}) {
    const app = express();
    const entered: { lease: LockableRequest['lease']; end: () => void; fail: () => void; gone: Promise<unknown> }[] =
      [];
    const middleware = lockRequests({
      redis,
      prefix: uniquePrefix('requests'),
      deadlineMs: 2_000,
      key: (req) => `cart:${String(req.params['id'])}`,
      ...options,
    });
    app.post('/carts/:id', middleware, (req, res, next) => {
      const gone = deferred<unknown>();
      res.on('close', () => gone.resolve(undefined));
      entered.push({
        lease: req.lease,
        end: () => void res.json({ token: req.lease?.token }),
        fail: () => next(new Error('from the handler')),
        gone: gone.promise,
      });
    });
    app.use((_error: Error, _req: unknown, res: ServerResponse, _next: unknown) => {
      res.statusCode = 500;
      res.end();
    });
    const { url } = await listen(app);
    const post = (id = '7', init: RequestInit = {}) => fetch(`${url}/carts/${id}`, { method: 'POST', ...init });
    const entering = (count: number) => until(() => entered.length === count, { timeoutMs: 5_000 });
    return { middleware, entered, entering, post };
  }

  it('handles the requests of one key one after the other, in their order, and others at the same time', async () => {
    const { middleware, entered, entering, post } = await serve();
    const first = post();
    await entering(1);
    const second = post();
    await until(async () => (await middleware.get('cart:7'))?.waiting === 1);
    const other = post('8');
    await entering(2);
    expect(entered.map(({ lease }) => lease?.resource)).toStrictEqual(['cart:7', 'cart:8']);
    entered[1]?.end();
    expect((await other).status).toBe(200);
    entered[0]?.end();
    const tokens = [(await (await first).json()) as { token: number }];
    await entering(3);
    entered[2]?.end();
    tokens.push((await (await second).json()) as { token: number });
    expect(tokens[1]?.token).toBeGreaterThan(Number(tokens[0]?.token));
    await until(async () => (await middleware.get('cart:7')) === undefined);
  });

  it.each([423, 409] as const)('refuses at once with %d and Retry-After when told so', async (status) => {
    const { entered, entering, post } = await serve({ mode: 'reject', status, leaseMs: 8_000 });
    const first = post();
    await entering(1);
    const refused = await post();
    expect(refused.status).toBe(status);
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    const retryAfter = Number(refused.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(4);
    expect(retryAfter).toBeLessThanOrEqual(8);
    expect(await refused.json()).toMatchObject({ status, type: expect.stringContaining('request-locked') });
    entered[0]?.end();
    expect((await first).status).toBe(200);
  });

  it('refuses who has waited for waitMs', async () => {
    const { entered, entering, post } = await serve({ waitMs: 60 });
    const first = post();
    await entering(1);
    const refused = await post();
    expect(refused.status).toBe(423);
    expect(refused.headers.get('retry-after')).toBe('1');
    entered[0]?.end();
    await first;
  });

  it('gives the lock back when the handler fails', async () => {
    const { entered, entering, post } = await serve();
    const first = post();
    await entering(1);
    entered[0]?.fail();
    expect((await first).status).toBe(500);
    const second = post();
    await entering(2);
    entered[1]?.end();
    expect((await second).status).toBe(200);
  });

  it('gives the lock back when the client goes away, and tells the handler', async () => {
    const { entered, entering, post } = await serve();
    const controller = new AbortController();
    const first = post('7', { signal: controller.signal }).catch((error: unknown) => error);
    await entering(1);
    const second = post();
    controller.abort();
    await first;
    await entering(2);
    const lease = entered[0]?.lease;
    expect(lease?.signal.aborted).toBe(true);
    expect(() => lease?.assertHeld()).toThrow('it was released');
    entered[1]?.lease?.assertHeld();
    expect(entered[1]?.lease?.signal.aborted).toBe(false);
    entered[1]?.end();
    expect((await second).status).toBe(200);
  });

  it('takes a client who goes away while waiting out of the line, and runs nothing for it', async () => {
    const { middleware, entered, entering, post } = await serve();
    const first = post();
    await entering(1);
    const controller = new AbortController();
    const second = post('7', { signal: controller.signal }).catch((error: unknown) => error);
    await until(async () => (await middleware.get('cart:7'))?.waiting === 1);
    controller.abort();
    await second;
    await until(async () => (await middleware.get('cart:7'))?.waiting === 0);
    entered[0]?.end();
    await first;
    await until(async () => (await middleware.get('cart:7')) === undefined);
    expect(entered).toHaveLength(1);
  });

  it('lets through what has no key, and hands on what key() throws', async () => {
    const without = await serve({ key: () => undefined });
    const responses = [without.post(), without.post()];
    await without.entering(2);
    for (const { lease, end } of without.entered) {
      expect(lease).toBeUndefined();
      end();
    }
    await Promise.all(responses);
    const broken = await serve({ key: () => Promise.reject(new Error('from key')) });
    expect((await broken.post()).status).toBe(500);
    const wrong = await serve({ key: () => 7 as never });
    expect((await wrong.post()).status).toBe(500);
  });

  it('answers 503 with Retry-After in time when Redis is away', async () => {
    const server = await dedicatedRedis();
    const { post } = await serve({ redis: server.client(), deadlineMs: 200 });
    server.pause();
    const refused = await post();
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ type: expect.stringContaining('lock-unavailable') });
    server.resume();
  });
});
