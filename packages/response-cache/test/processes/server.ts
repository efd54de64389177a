// One of two shops on one Redis, to be asked over HTTP.

import type { ProcessContext } from '@sallyport/testkit';
import express from 'express';
import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { responseCache } from '../../src/index.js';

export async function run(args: { prefix: string; redisUrl: string }, { ready }: ProcessContext) {
  const redis = new Redis(args.redisUrl);
  const cached = responseCache({
    redis,
    prefix: args.prefix,
    ttlMs: 60_000,
    deadlineMs: 10_000,
    tags: ['pages'],
  });
  const waiting = new Set<() => void>();
  const app = express();
  app.post('/purge/:verb', async (req, res) => {
    if (req.params.verb === 'invalidate') await cached.invalidate(req.get('X-Url') ?? '/page');
    if (req.params.verb === 'invalidateTags') await cached.invalidateTags(['pages']);
    if (req.params.verb === 'clear') await cached.clear();
    res.end();
  });
  app.get('/running', (_req, res) => void res.send(String(waiting.size)));
  app.post('/finish', (_req, res) => {
    for (const finish of waiting) finish();
    waiting.clear();
    res.end();
  });
  app.get('/page', cached, async (req, res) => {
    const isSlow = req.query['slow'] !== undefined && req.headers['x-fast'] === undefined;
    if (isSlow) await new Promise<void>((resolve) => waiting.add(resolve));
    res.send(randomUUID());
  });
  // Stale at once; how often the handler of either process has run is counted in Redis.
  const brief = responseCache({
    redis,
    prefix: args.prefix,
    ttlMs: 1_000,
    staleWhileRevalidateMs: 600_000,
    deadlineMs: 10_000,
  });
  app.get('/brief', brief, async (_req, res) => {
    const run = await redis.incr(`${args.prefix}runs`);
    if (run > 1) await new Promise<void>((resolve) => waiting.add(resolve));
    res.set('Cache-Control', run > 1 ? 'max-age=600' : 'max-age=1').send(`run ${run}`);
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ready(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
