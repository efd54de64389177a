import { describe, expect, it } from '@jest/globals';
import express from 'express';
import { countingProxy, deferred, until } from '@sallyport/testkit';
import request from 'supertest';
import { openShop, placeOrder } from './shop.js';

describe('the commands that a request costs', () => {
  it('are 2 for the first one, and 1 for a replay, a conflict, a mismatch', async () => {
    const proxy = await countingProxy();
    const isRunning = deferred();
    const gate = deferred();
    const shop = await openShop(
      express,
      (req, res, next) => {
        const isSlow = req.path === '/slow';
        if (isSlow) isRunning.resolve();
        void (isSlow ? gate.promise : Promise.resolve()).then(() => placeOrder(req, res, next));
      },
      { redis: proxy.client() },
    );
    const send = (path: string, body: object) =>
      request(shop.url)
        .post(path)
        .set('Idempotency-Key', '"a"')
        .send(body)
        .then((response) => response);
    const cost = async (status: number, path: string, body: object) => {
      proxy.reset();
      expect((await send(path, body)).status).toBe(status);
      return { commands: proxy.commands(), roundTrips: proxy.roundTrips() };
    };
    // Scripts are sent in full once per server: not what a request costs.
    await send('/warm-up', {});
    const one = { commands: { evalsha: 1 }, roundTrips: 1 };
    expect(await cost(201, '/orders', { item: 7 })).toStrictEqual({ commands: { evalsha: 2 }, roundTrips: 2 });
    expect(await cost(201, '/orders', { item: 7 })).toStrictEqual(one);
    expect(await cost(422, '/orders', { item: 8 })).toStrictEqual(one);
    const slow = send('/slow', {});
    await isRunning.promise;
    expect(await cost(409, '/slow', {})).toStrictEqual(one);
    gate.resolve();
    await slow;
    proxy.reset();
    await request(shop.url).post('/orders').expect(201);
    expect(proxy.total()).toBe(0);
  });

  it('is one renewal per third of the lease while the handler runs', async () => {
    const proxy = await countingProxy();
    const gate = deferred();
    const shop = await openShop(express, (req, res, next) => void gate.promise.then(() => placeOrder(req, res, next)), {
      redis: proxy.client(),
      leaseMs: 600,
    });
    const sent = request(shop.url)
      .post('/')
      .set('Idempotency-Key', '"a"')
      .then((response) => response);
    const startedAt = performance.now();
    await until(() => proxy.total() >= 5, { timeoutMs: 10_000 });
    expect(performance.now() - startedAt).toBeGreaterThan(600);
    gate.resolve();
    expect((await sent).status).toBe(201);
    expect(shop.types()).toStrictEqual(['claimed', 'kept']);
  });
});
