import { createRedis } from '@sallyport/core';
import { rateLimit } from '@sallyport/rate-limit';
import express from 'express';

const redis = createRedis(process.env['REDIS_URL'] ?? 'redis://localhost:6379');
const app = express();

app.use(rateLimit({ redis, limit: 100, windowMs: 60_000 }));

const loginLimit = rateLimit({ redis, name: 'login', limit: 5, windowMs: 15 * 60_000 });
app.post('/login', loginLimit, (req, res) => {
  res.json({ attemptsLeft: req.rateLimit?.policies[0]?.remaining });
});

app.listen(Number(process.env['PORT'] ?? 3000));
