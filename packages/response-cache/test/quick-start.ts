import { createRedis } from '@sallyport/core';
import { responseCache } from '@sallyport/response-cache';
import express from 'express';

export const redis = createRedis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
const cached = responseCache({ redis, ttlMs: 30_000, tags: ['products'] });

export const app = express();

app.get('/products', cached, async (_req, res) => {
  res.json(await queryProducts());
});

app.post('/products', async (_req, res) => {
  // … write to the database, then:
  await cached.invalidateTags(['products']);
  res.status(201).end();
});

async function queryProducts() {
  return [{ id: 1, name: 'Lamp', readAt: performance.now() }];
}
