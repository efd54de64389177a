import express from 'express';
import { createRedis } from '@sallyport/core';
import { idempotency } from '@sallyport/idempotency';
import { rateLimit } from '@sallyport/rate-limit';
import { responseCache } from '@sallyport/response-cache';
import { createSessions } from '@sallyport/session';

const redis = createRedis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
const sessions = createSessions({ redis, secrets: [process.env.SESSION_SECRET ?? ''], idleMs: 30 * 60_000 });
const products = responseCache({ redis, ttlMs: 30_000, tags: ['products'] });

export const app = express();
app.use(rateLimit({ redis, limit: 100, windowMs: 60_000 }));
app.get('/products', products, (_req, res) => {
  const list = [{ id: 1, name: 'Lantern', seen: Date.now() }]; // your slow query
  res.set('Cache-Control', 'public').json(list); // public: the same for everybody, logged in or not
});

app.use(sessions.middleware, express.json());
app.post('/log-in', async (req, res) => {
  await sessions.logIn(req, 'user-1'); // after you have checked the password
  res.json({ user: req.session.userId });
});
app.use((req, res, next) => (req.session.userId === undefined ? res.sendStatus(401) : next()));
app.post('/orders', idempotency({ redis, required: true, scope: (req) => String(req.session.userId) }), (_req, res) => {
  res.status(201).json({ order: crypto.randomUUID() }); // happens once per Idempotency-Key
});
app.put('/products/1', async (_req, res) => {
  await products.invalidateTags(['products']);
  res.sendStatus(204);
});

if (process.env.PORT) app.listen(Number(process.env.PORT));
