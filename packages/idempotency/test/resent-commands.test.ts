import { describe, expect, it } from '@jest/globals';
import express from 'express';
import { dedicatedRedis, startProxy } from '@sallyport/testkit';
import { exchange, headerOf } from './exchange.js';
import { openShop, placeOrder } from './shop.js';

// By default ioredis sends a command again when the connection broke before the reply. The server has then run it twice.

const server = await dedicatedRedis();
const headers = { 'Idempotency-Key': '"a"' };

describe('a command that ioredis sends again', () => {
  it.each([
    ['claim', 1, 201],
    ['commit', 2, 201],
    ['release', 2, 500],
  ] as const)('%s has the effect of one', async (name, position, status) => {
    const proxy = await startProxy({ port: server.port });
    const redis = proxy.client({ retryStrategy: () => 10 });
    const shop = await openShop(
      express,
      (req, res, next) => (status === 500 ? res.status(500).end() : placeOrder(req, res, next)),
      { redis, prefix: `twice-${name}:` },
    );
    await exchange(shop.url, { headers: { 'Idempotency-Key': '"warm-up"' } });
    let calls = 0;
    proxy.dropReplies((command) => command.name === 'evalsha' && (calls += 1) === position);
    const first = await exchange(shop.url, { headers });
    expect(calls).toBe(3);
    expect(first.status).toBe(status);
    expect(shop.runs()).toBe(2);
    await proxy.heal();
    const second = await exchange(shop.url, { headers });
    expect(second.status).toBe(status);
    if (status === 201) {
      expect(second.body).toBe(first.body);
      expect(headerOf(second, 'idempotency-replayed')).toBe('true');
    } else {
      expect(shop.runs()).toBe(3);
    }
  });
});
