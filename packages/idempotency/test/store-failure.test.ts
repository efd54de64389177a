import { describe, expect, it } from '@jest/globals';
import express from 'express';
import { dedicatedRedis, startProxy, until } from '@sallyport/testkit';
import { problemTypes } from '@sallyport/idempotency';
import { exchange, headerOf } from './exchange.js';
import { openShop, placeOrder } from './shop.js';

const headers = { 'Idempotency-Key': '"a"' };
/** 200 ms by default, 250 promised; the rest is for a busy machine. */
const busyWithinMs = 600;
const refuseWithinMs = process.env['SALLYPORT_TEST'] === 'full' ? 250 : busyWithinMs;

describe.each(['paused', 'stopped'] as const)('when Redis is %s', (how) => {
  async function shopOnBrokenRedis(onStoreFailure?: 'open') {
    const server = await dedicatedRedis();
    const redis = server.client();
    const policy = onStoreFailure === undefined ? {} : { onStoreFailure };
    const shop = await openShop(express, placeOrder, { redis, deadlineMs: 200, prefix: 'failure:', ...policy });
    await exchange(shop.url, { headers: { 'Idempotency-Key': '"before"' } });
    if (how === 'paused') server.pause();
    else await server.kill();
    const mend = async () => (how === 'paused' ? server.resume() : server.restart());
    return { shop, mend };
  }

  it('answers 503 with Retry-After in time and runs nothing', async () => {
    const { shop, mend } = await shopOnBrokenRedis();
    const startedAt = performance.now();
    const answer = await exchange(shop.url, { headers });
    expect(performance.now() - startedAt).toBeLessThan(refuseWithinMs);
    expect(answer.status).toBe(503);
    expect(headerOf(answer, 'retry-after')).toBe('1');
    expect(JSON.parse(answer.body)).toMatchObject({ type: problemTypes.storeUnavailable });
    expect(shop.runs()).toBe(1);
    expect(shop.events.at(-1)).toMatchObject({ type: 'store-failure', operation: 'claim' });
    await mend();
    await until(async () => (await exchange(shop.url, { headers })).status === 201, { timeoutMs: 10_000 });
    expect(shop.runs()).toBe(2);
  });

  it("runs the request unprotected with onStoreFailure: 'open', and says so", async () => {
    const { shop, mend } = await shopOnBrokenRedis('open');
    const answer = await exchange(shop.url, { headers });
    expect(answer.status).toBe(201);
    expect(shop.types()).toContain('unprotected');
    await mend();
  });
});

describe('when Redis goes away between claim and answer', () => {
  it('sends the answer within the deadline, and keeps it as soon as Redis is back', async () => {
    const server = await dedicatedRedis();
    const proxy = await startProxy({ port: server.port });
    const redis = proxy.client({ retryStrategy: () => 20 });
    const shop = await openShop(
      express,
      (req, res, next) => {
        proxy.blackHole();
        return placeOrder(req, res, next);
      },
      { redis, deadlineMs: 200, leaseMs: 20_000, prefix: 'away:' },
    );
    const startedAt = performance.now();
    const first = await exchange(shop.url, { headers });
    expect(performance.now() - startedAt).toBeLessThan(busyWithinMs);
    expect(first.status).toBe(201);
    expect(shop.events.at(-1)).toMatchObject({ type: 'store-failure', operation: 'commit' });
    await proxy.heal();
    await until(() => shop.types().includes('kept'), { timeoutMs: 10_000 });
    const second = await exchange(shop.url, { headers });
    expect(second.body).toBe(first.body);
    expect(headerOf(second, 'idempotency-replayed')).toBe('true');
    expect(shop.runs()).toBe(1);
  });

  it('keeps the answer even when the record was lost meanwhile', async () => {
    const server = await dedicatedRedis();
    const redis = server.client();
    const shop = await openShop(
      express,
      (req, res, next) => void redis.flushdb().then(() => placeOrder(req, res, next)),
      { redis, prefix: 'flushed:' },
    );
    await exchange(shop.url, { headers });
    expect(headerOf(await exchange(shop.url, { headers }), 'idempotency-replayed')).toBe('true');
    expect(await redis.pttl((await redis.keys('*'))[0] ?? '')).toBeGreaterThan(0);
  });
});

describe('when the reply to a claim comes after the deadline', () => {
  it('gives the claim back: nobody runs it', async () => {
    const server = await dedicatedRedis();
    const direct = server.client();
    const proxy = await startProxy({ port: server.port });
    const shop = await openShop(express, placeOrder, { redis: proxy.client(), deadlineMs: 50, prefix: 'late:' });
    await exchange(shop.url, { headers: { 'Idempotency-Key': '"warm-up"' } });
    await direct.flushdb();
    proxy.delay(300);
    expect((await exchange(shop.url, { headers })).status).toBe(503);
    expect(await direct.dbsize()).toBe(1);
    await until(async () => (await direct.dbsize()) === 0, { timeoutMs: 5_000 });
  });
});
