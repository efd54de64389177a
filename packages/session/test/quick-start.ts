import { createRedis } from '@sallyport/core';
import { createSessions } from '@sallyport/session';
import express from 'express';

const redis = createRedis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
const secret = process.env['SESSION_SECRET'] ?? 'for development: at least 32 bytes';
const sessions = createSessions<{ visits: number }>({ redis, secrets: [secret], idleMs: 30 * 60_000 });

const app = express();
app.use(sessions.middleware);
app.post('/log-in', async (req, res) => {
  // Here stands your check of the password.
  await sessions.logIn(req, 'ann', { keep: ['visits'] });
  res.json(await sessions.list('ann', req));
});
app.get('/', (req, res) => {
  const session = sessions.of(req);
  session.visits = (session.visits ?? 0) + 1;
  res.json({ userId: session.userId ?? null, visits: session.visits });
});
app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1');
