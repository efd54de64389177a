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

/** Serves a shop until it is killed. `/hang` never answers; every run is counted in Redis. */
export async function run({ url, prefix, leaseMs }: ShopProcessArguments, context: ProcessContext): Promise<void> {
  const redis = new Redis(url);
  const app = express();
  const once = idempotency({ redis, scope: 'public', prefix, leaseMs, deadlineMs: 5_000 });
  app.post('/orders', once, async (req, res) => {
    const order = await redis.incr(`${prefix}runs`);
    await redis.expire(`${prefix}runs`, 60);
    if (req.get('X-Hang') === undefined) res.status(201).json({ order });
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  context.ready(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
