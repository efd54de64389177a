import { describe, expect, it } from '@jest/globals';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import {
  connect,
  countingProxy,
  dedicatedRedis,
  deferred,
  listen,
  startProxy,
  uniquePrefix,
  until,
} from '@sallyport/testkit';
import { idempotency, problemTypes, type IdempotencyContext, type StepContext } from '@sallyport/idempotency';
import { exchange, headerOf } from './exchange.js';
import { openShop, userOf, type Shop } from './shop.js';
import { stepKey } from '../src/steps.js';

const redis = connect();
const headers = { 'Idempotency-Key': '"a"' };
const order = { scope: 'anonymous', method: 'POST', path: '/', key: 'a' };

/** A handler that gets its protection, and whose failure is answered with its code. */
type Work = (idempotency: IdempotencyContext, run: number) => Promise<unknown>;
async function openStepShop(work: Work, options: Parameters<typeof openShop>[2] = {}): Promise<Shop> {
  const handler: RequestHandler = (req, res, next) => {
    if (req.idempotency === undefined) return next(new Error('unprotected'));
    work(req.idempotency, shop.runs()).then((answer) => res.json(answer ?? null), next);
  };
  const shop = await openShop(express, handler, options);
  const reportCode: ErrorRequestHandler = (error, _req, res, _next) => {
    res.status(error.status ?? 500).json({ code: error.code, message: error.message });
  };
  shop.app.use(reportCode);
  return shop;
}

const recordOf = async ({ prefix }: Shop) => (await redis.keys(`${prefix}*`))[0] ?? '';

/** What a crash leaves: a lease that nobody renews, here over at once. */
async function crash(shop: Shop): Promise<void> {
  await redis.hset(await recordOf(shop), 'leaseEnds', 1);
}

describe('req.idempotency.step()', () => {
  it('gives a later run the result, and does not run the step again', async () => {
    const done: string[] = [];
    const shop = await openStepShop(async ({ step }, run) => {
      const note = (what: string) => done.push(`run ${run}: ${what}`);
      const id = await step('order', () => note('order') * 10);
      const charge = await step('charge', async () => ({ charged: note('charge'), at: new Date(0), none: undefined }));
      await step('nothing', () => void note('nothing'));
      if (run < 3) throw new Error('later');
      return { id, charge, nothing: await step('more', () => null) };
    });
    expect((await exchange(shop.url, { headers })).status).toBe(500);
    expect(await shop.once.get(order)).toMatchObject({ state: 'abandoned', steps: ['order', 'charge', 'nothing'] });
    expect((await exchange(shop.url, { headers })).status).toBe(500);
    const third = await exchange(shop.url, { headers });
    expect(third.status).toBe(200);
    expect(done).toStrictEqual(['run 1: order', 'run 1: charge', 'run 1: nothing']);
    const answer = { id: 10, charge: { charged: 2, at: '1970-01-01T00:00:00.000Z' }, nothing: null };
    expect(JSON.parse(third.body)).toStrictEqual(answer);
    expect(shop.events.flatMap((event) => (event.type === 'claimed' ? [event.steps] : []))).toStrictEqual([0, 3, 3]);
    const again = await exchange(shop.url, { headers });
    expect([again.body, headerOf(again, 'idempotency-replayed')]).toStrictEqual([third.body, 'true']);
    // With the answer there, the steps have served.
    expect((await redis.hkeys(await recordOf(shop))).filter((field) => field.startsWith('step:'))).toStrictEqual([]);
  });

  it('gives the first run what a later one would get: what JSON shows', async () => {
    const seen: unknown[] = [];
    const shop = await openStepShop(async ({ step }, run) => {
      seen.push(await step('date', () => new Date(0)), await step('nothing', () => undefined));
      if (run === 1) throw new Error('later');
    });
    await exchange(shop.url, { headers });
    await exchange(shop.url, { headers });
    expect(seen).toStrictEqual(['1970-01-01T00:00:00.000Z', undefined, '1970-01-01T00:00:00.000Z', undefined]);
  });

  it('gives a step the same key in each run, and every other step, payload, key and user another', async () => {
    const keys: string[] = [];
    const note = (step: StepContext) => void keys.push(step.key);
    const shop = await openStepShop(
      async ({ step }, run) => {
        await step('charge', (context) => {
          note(context);
          if (run === 1) throw new Error('no answer from the bank');
        });
        await step('refund', note);
      },
      { scope: userOf },
    );
    await exchange(shop.url, { headers });
    await exchange(shop.url, { headers });
    expect(keys).toHaveLength(3);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
    await exchange(shop.url, { headers: { 'Idempotency-Key': '"b"' } });
    await exchange(shop.url, { headers: { ...headers, 'X-User': 'eve' } });
    await exchange(`${shop.url}/other`, { headers });
    expect(new Set(keys).size).toBe(keys.length - 1);
    const claim = { id: 'id', fingerprint: 'one' };
    expect(stepKey(claim, 'charge')).not.toBe(stepKey({ ...claim, fingerprint: 'two' }, 'charge'));
  });

  it('may be tried again by the handler when it failed, with the same key', async () => {
    const keys: string[] = [];
    const shop = await openStepShop(async ({ step }) => {
      const charge = () =>
        step('charge', ({ key }) => {
          keys.push(key);
          if (keys.length < 3) throw new Error('no answer from the bank');
          return 'charged';
        });
      return charge().catch(charge).catch(charge);
    });
    expect((await exchange(shop.url, { headers })).body).toBe('"charged"');
    expect([keys.length, new Set(keys).size]).toStrictEqual([3, 1]);
  });

  it('costs one command per step and mark, and none when the step is known', async () => {
    const proxy = await countingProxy();
    const shop = await openStepShop(
      async ({ step, markEffect }, run) => {
        await step('one', () => 1);
        await step('two', () => 2);
        if (run % 2 === 1) throw new Error('later');
        await Promise.all([markEffect(), markEffect()]);
      },
      { redis: proxy.client() },
    );
    const costOf = async (key: string) => {
      proxy.reset();
      await exchange(shop.url, { headers: { 'Idempotency-Key': key } });
      return proxy.commands();
    };
    await costOf('"warm-up"');
    await costOf('"warm-up"');
    // Claim, two steps, release; then claim, mark, commit.
    expect(await costOf('"a"')).toStrictEqual({ evalsha: 4 });
    expect(await costOf('"a"')).toStrictEqual({ evalsha: 3 });
  });

  it('keeps a late run out: its step and its answer are refused, those of the run that took over count', async () => {
    const isLate = deferred();
    const gate = deferred();
    const shop = await openStepShop(async ({ step, token }, run) => {
      await step('before', () => run);
      if (run === 1) {
        isLate.resolve();
        await gate.promise;
      }
      const by = await step('charge', () => run);
      return { by, token };
    });
    const late = exchange(shop.url, { headers });
    await isLate.promise;
    await crash(shop);
    const second = await exchange(shop.url, { headers });
    expect(JSON.parse(second.body)).toMatchObject({ by: 2 });
    gate.resolve();
    const { status, body } = await late;
    expect([status, JSON.parse(body).code]).toStrictEqual([503, 'ERR_IDEMPOTENCY_LOST']);
    expect((await exchange(shop.url, { headers })).body).toBe(second.body);
    const tokens = shop.events.flatMap((event) => (event.type === 'claimed' ? [event.token] : []));
    expect(tokens[1]).toBeGreaterThan(tokens[0] ?? Infinity);
  });

  it.each<[string, Work]>([
    ['an empty name', ({ step }) => step('', () => 1)],
    ['a long name', ({ step }) => step('x'.repeat(101), () => 1)],
    ['no name', ({ step }) => step(7 as unknown as string, () => 1)],
    ['a second step of one name', ({ step }) => step('a', () => 1).then(() => step('a', () => 2))],
    ['two steps of one name at once', ({ step }) => Promise.all([step('a', () => 1), step('a', () => 2)])],
    ['a result that JSON refuses', ({ step }) => step('big', () => 1n)],
    ['a result over maxBodyBytes', ({ step }) => step('big', () => 'x'.repeat(2_000))],
  ])('refuses %s with ERR_IDEMPOTENCY_STEP', async (_what, work) => {
    const shop = await openStepShop(work, { maxBodyBytes: 1_000 });
    const { status, body } = await exchange(shop.url, { headers });
    expect([status, JSON.parse(body).code]).toStrictEqual([500, 'ERR_IDEMPOTENCY_STEP']);
  });

  it('refuses to begin after the answer, and in a replay', async () => {
    const contexts: IdempotencyContext[] = [];
    const app = express();
    app.use((req, res, next) => {
      res.once('finish', () => req.idempotency !== undefined && contexts.push(req.idempotency));
      next();
    });
    const prefix = uniquePrefix('ended');
    app.use(idempotency({ redis, scope: 'public', prefix, deadlineMs: 5_000 }), (_req, res) => void res.json({}));
    const server = await listen(app);
    for (const _turn of ['first', 'replay']) await exchange(server.url, { headers });
    await until(() => contexts.length === 2);
    expect(contexts.map(({ isReplay }) => isReplay)).toStrictEqual([false, true]);
    for (const context of contexts) {
      await expect(context.step('a', () => 1)).rejects.toMatchObject({ code: 'ERR_IDEMPOTENCY_STEP' });
      await expect(context.markEffect()).rejects.toMatchObject({ code: 'ERR_IDEMPOTENCY_STEP' });
    }
  });

  it('rejects when Redis does not answer, and a retry runs the step again with the same key', async () => {
    const server = await dedicatedRedis();
    const proxy = await startProxy({ port: server.port });
    const keys: string[] = [];
    const shop = await openStepShop(
      async ({ step }, run) => {
        await step('charge', ({ key }) => {
          keys.push(key);
          if (run === 1) proxy.blackHole();
        });
        return 'charged';
      },
      { redis: proxy.client(), deadlineMs: 100, leaseMs: 500, wait: true, prefix: 'dark:' },
    );
    const first = await exchange(shop.url, { headers });
    expect([first.status, JSON.parse(first.body).code]).toStrictEqual([503, 'ERR_CORE_STORE_UNAVAILABLE']);
    await proxy.heal();
    // What was sent into the dark may arrive now: the step then counts as finished, as it is.
    const second = await exchange(shop.url, { headers });
    expect([second.status, second.body]).toStrictEqual([200, '"charged"']);
    expect(new Set(keys).size).toBe(1);
  });
});

describe('req.idempotency.markEffect()', () => {
  it('lets no duplicate run after a crash: 409 "outcome unknown"', async () => {
    const isMarked = deferred();
    const gate = deferred();
    const shop = await openStepShop(async ({ markEffect }) => {
      await markEffect();
      isMarked.resolve();
      await gate.promise;
      return 'charged';
    });
    const first = exchange(shop.url, { headers });
    await isMarked.promise;
    expect(await shop.once.get(order)).toMatchObject({ state: 'running', hasEffect: true });
    expect((await exchange(shop.url, { headers })).status).toBe(409);
    await crash(shop);
    const retry = await exchange(shop.url, { headers });
    expect([retry.status, headerOf(retry, 'retry-after')]).toStrictEqual([409, undefined]);
    expect(JSON.parse(retry.body)).toMatchObject({ type: problemTypes.outcomeUnknown });
    expect(shop.events.at(-1)).toMatchObject({ type: 'unknown' });
    expect(await shop.once.get(order)).toMatchObject({ state: 'unknown' });
    // It was not a crash after all: the answer settles it.
    gate.resolve();
    expect((await first).status).toBe(200);
    const last = await exchange(shop.url, { headers });
    expect([last.body, headerOf(last, 'idempotency-replayed')]).toStrictEqual(['"charged"', 'true']);
    expect(shop.runs()).toBe(1);
  });

  it.each([500, 503, 408, 429])('keeps the answer whatever it is: %i', async (status) => {
    const shop = await openShop(express, (req, res, next) => {
      req.idempotency?.markEffect().then(() => res.status(status).end(), next);
    });
    expect((await exchange(shop.url, { headers })).status).toBe(status);
    expect((await exchange(shop.url, { headers })).status).toBe(status);
    expect(shop.runs()).toBe(1);
  });

  it('counts also when the handler does not wait for it', async () => {
    const shop = await openShop(express, (req, res) => {
      void req.idempotency?.markEffect();
      res.status(500).end();
    });
    await exchange(shop.url, { headers });
    await exchange(shop.url, { headers });
    expect(shop.runs()).toBe(1);
  });

  it('rejects when another run has taken over, and marks nothing there', async () => {
    const isRunning = deferred();
    const gate = deferred();
    const shop = await openStepShop(async ({ markEffect }) => {
      isRunning.resolve();
      await gate.promise;
      await markEffect();
    });
    const first = exchange(shop.url, { headers });
    await isRunning.promise;
    await redis.hset(await recordOf(shop), 'owner', 'somebody else');
    gate.resolve();
    const { status, body } = await first;
    expect([status, JSON.parse(body).code]).toStrictEqual([503, 'ERR_IDEMPOTENCY_LOST']);
    expect(await redis.hget(await recordOf(shop), 'effect')).toBeNull();
  });

  it('rejects when Redis does not answer: the key is free again, because the effect was not made', async () => {
    const proxy = await startProxy();
    const shop = await openStepShop(
      async ({ markEffect }, run) => {
        if (run === 2) proxy.blackHole();
        await markEffect();
      },
      { redis: proxy.client(), deadlineMs: 250 },
    );
    await exchange(shop.url, { headers: { 'Idempotency-Key': '"warm-up"' } });
    const failed = await exchange(shop.url, { headers });
    expect([failed.status, JSON.parse(failed.body).code]).toStrictEqual([503, 'ERR_CORE_STORE_UNAVAILABLE']);
    await proxy.heal();
    // Mark and release were sent; they arrive in their order.
    expect((await exchange(shop.url, { headers })).status).toBe(200);
    expect(shop.runs()).toBe(3);
  });
});
