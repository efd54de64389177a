import { describe, expect, it } from '@jest/globals';
import express, { type RequestHandler } from 'express';
import { connect, deferred, expectTtlOnAllKeys, until, type Deferred } from '@sallyport/testkit';
import { IdempotencyLostError, problemTypes } from '@sallyport/idempotency';
import { exchange, headerOf } from './exchange.js';
import { openShop } from './shop.js';

const redis = connect();
const headers = { 'Idempotency-Key': '"a"' };

/** A handler that ends when the test says so, one gate per run. */
function gated() {
  const gates: Deferred<string>[] = [];
  const handler: RequestHandler = (req, res, next) => {
    const gate = deferred<string>();
    gates.push(gate);
    res.set('X-Order', 'private').location('/orders/7');
    gate.promise.then((answer) => res.json({ answer, token: req.idempotency?.token }), next);
  };
  const gate = async (index: number) => {
    await until(() => gates.length > index, { timeoutMs: 10_000 });
    return gates[index] ?? deferred<string>();
  };
  return { handler, gate };
}

describe('the lease of a running request', () => {
  it('is renewed for as long as the handler runs', async () => {
    const { handler, gate } = gated();
    const shop = await openShop(express, handler, { leaseMs: 600 });
    const first = exchange(shop.url, { headers });
    const startedAt = performance.now();
    const { resolve } = await gate(0);
    await until(
      async () => {
        expect((await exchange(shop.url, { headers })).status).toBe(409);
        return performance.now() - startedAt > 1_500;
      },
      { timeoutMs: 10_000, everyMs: 50 },
    );
    resolve('done');
    expect((await first).status).toBe(200);
    expect(shop.runs()).toBe(1);
  });

  it('ends maxRunMs after the start when the handler does not answer; an answer that comes all the same is kept', async () => {
    const { handler, gate } = gated();
    const shop = await openShop(express, handler, { leaseMs: 500, maxRunMs: 600 });
    const first = exchange(shop.url, { headers });
    const { resolve } = await gate(0);
    await until(() => shop.types().includes('lost'), { timeoutMs: 10_000 });
    resolve('late');
    expect((await first).status).toBe(200);
    expect(shop.types()).toStrictEqual(['claimed', 'lost', 'kept']);
  });

  it('refuses the answer of a run that was overtaken: its client gets 503, and the retry the other answer', async () => {
    const { handler, gate } = gated();
    const shop = await openShop(express, handler, { leaseMs: 500 });
    const first = exchange(shop.url, { headers });
    const slow = await gate(0);
    // What a stopped process, or a partition, looks like from outside: the lease is over, and nobody renews it.
    const [key = ''] = await redis.keys(`${shop.prefix}*`);
    await redis.hset(key, 'leaseEnds', 1);
    await redis.hset(key, 'owner', 'somebody who is gone');
    const second = exchange(shop.url, { headers });
    const quick = await gate(1);
    quick.resolve('second');
    const answer = JSON.parse((await second).body);
    slow.resolve('first');
    const late = await first;
    expect(late.status).toBe(503);
    // Nothing of the answer that does not count, and all that middleware above had set.
    expect(headerOf(late, 'x-order')).toBeUndefined();
    expect(headerOf(late, 'location')).toBeUndefined();
    expect(headerOf(late, 'x-powered-by')).toBe('Express');
    expect(JSON.parse(late.body)).toMatchObject({ type: problemTypes.leaseLost });
    expect(JSON.parse((await exchange(shop.url, { headers })).body)).toStrictEqual(answer);
    expect(answer.answer).toBe('second');
    expect(shop.types()).toContain('refused');
  });

  it('breaks a streamed answer off when it was overtaken', async () => {
    const gate = deferred();
    const shop = await openShop(express, (_req, res) => {
      res.write('first half, ');
      void gate.promise.then(() => res.end('second half'));
    });
    const first = exchange(shop.url, { headers });
    await until(() => shop.runs() === 1);
    const [key = ''] = await redis.keys(`${shop.prefix}*`);
    await redis.hset(key, 'owner', 'somebody else');
    gate.resolve();
    await expect(first).rejects.toThrow('aborted');
    expect(shop.types()).toContain('refused');
  });

  it('tells the handler by signal and assertHeld() when it is lost, before it could be taken', async () => {
    const lost = deferred<unknown>();
    const shop = await openShop(
      express,
      (req, res) => {
        const { idempotency } = req;
        idempotency?.signal.addEventListener('abort', () => {
          lost.resolve(idempotency.signal.reason);
          expect(() => idempotency.assertHeld()).toThrow(IdempotencyLostError);
          res.status(503).end();
        });
      },
      { leaseMs: 600 },
    );
    const answer = exchange(shop.url, { headers });
    await until(() => shop.runs() === 1);
    const [key = ''] = await redis.keys(`${shop.prefix}*`);
    await redis.hset(key, 'owner', 'somebody else');
    expect(await lost.promise).toMatchObject({ code: 'ERR_IDEMPOTENCY_LOST', reason: 'taken' });
    expect((await answer).status).toBe(503);
    expect(await redis.hget(key, 'owner')).toBe('somebody else');
  });

  it('gives rising tokens to runs that follow each other', async () => {
    const { handler, gate } = gated();
    const shop = await openShop(express, handler, { leaseMs: 500, maxRunMs: 500 });
    const first = exchange(shop.url, { headers });
    await gate(0);
    await until(() => shop.types().includes('lost'), { timeoutMs: 10_000 });
    const second = until(
      async () => {
        const answer = await exchange(shop.url, { headers });
        return answer.status === 200 && answer;
      },
      { timeoutMs: 10_000 },
    );
    (await gate(1)).resolve('second');
    await second;
    (await gate(0)).resolve('first');
    await first;
    const tokens = shop.events.flatMap((event) => (event.type === 'claimed' ? [event.token] : []));
    expect(tokens[1]).toBeGreaterThan(tokens[0] ?? Infinity);
  });

  it('is seen from outside as running, and as abandoned when it is over', async () => {
    const { handler, gate } = gated();
    const shop = await openShop(express, handler, { leaseMs: 500 });
    const order = { scope: 'anonymous', method: 'POST', path: '/', key: 'a' };
    const first = exchange(shop.url, { headers });
    const { resolve } = await gate(0);
    expect(await shop.once.get(order)).toMatchObject({ state: 'running', remainingMs: expect.any(Number) });
    await expectTtlOnAllKeys(redis, shop.prefix);
    await shop.once.close();
    await until(async () => (await shop.once.get(order))?.state === 'abandoned');
    resolve('late');
    await first;
    expect(await shop.once.get(order)).toMatchObject({ state: 'done', status: 200 });
  });
});
