import { createRedis } from '@sallyport/core';
import { idempotency } from '@sallyport/idempotency';
import express from 'express';

const redis = createRedis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
const app = express();
app.use(express.json());
// Here stands your log-in. The scope must be what it has proved, not what the client says.
app.use(idempotency({ redis, scope: (req) => req.get('X-User') ?? 'anonymous' }));

let orders = 0;
app.post('/orders', (req, res) => {
  orders += 1;
  res.status(201).json({ order: orders, item: req.body.item });
});

app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1');
