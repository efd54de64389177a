import express from 'express';
import { Redis } from 'ioredis';
import { idempotency } from '@sallyport/idempotency';
import type { ProcessContext } from '@sallyport/testkit';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';

/** Where the shop's Redis is, and how long its leases are. */
export interface ShopProcessArguments {
  readonly url: string;
  readonly prefix: string;
  readonly leaseMs: number;
}

/**
 * Serves a shop until it is killed; every run is counted in Redis. `POST /orders` answers duplicates with 409.
 * `POST /waited` lets them wait, and its handler waits until somebody pushes to `<prefix>gate`.
 */
export async function run({ url, prefix, leaseMs }: ShopProcessArguments, context: ProcessContext): Promise<void> {
  const redis = new Redis(url);
  const count = async (what: string) => {
    const counted = await redis.incr(`${prefix}${what}`);
    await redis.expire(`${prefix}${what}`, 60);
    return counted;
  };
  const app = express();
  const options = { redis, scope: 'public', prefix, leaseMs, deadlineMs: 5_000 } as const;
  app.post('/orders', idempotency(options), async (_req, res) => {
    res.status(201).json({ order: await count('runs /orders') });
  });
  const waiting = idempotency({ ...options, wait: true, onEvent: ({ type }) => void count(type) });
  app.post('/waited', waiting, async (_req, res) => {
    const order = await count('runs /waited');
    const gate = redis.duplicate();
    await gate.blpop(`${prefix}gate`, 0);
    gate.disconnect();
    res.status(201).json({ order, by: process.pid });
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => {
    server.listen({ port: 0, host: '127.0.0.1', backlog: 2_000 }, resolve);
  });
  context.ready(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
