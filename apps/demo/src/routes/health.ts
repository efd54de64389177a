/**
 * `GET /healthz`: 200 while the shop can serve, 503 when it cannot. Without Redis it still serves by the policies of its
 * guards, so that is `degraded` and not down; without its database it has nothing to say.
 */
import type { RedisClient } from '@sallyport/core';
import { Router } from 'express';
import type { Database } from '../database/database.js';

const REDIS_TIMEOUT_MS = 300;

/** `GET /healthz`. */
export function healthRoutes({ redis, database }: { redis: RedisClient; database: Database }): Router {
  const router = Router();
  router.get('/healthz', async (_req, res) => {
    const [isRedisUp, isDatabaseUp] = await Promise.all([answers(redis), database.isReady()]);
    const nameOf = (isUp: boolean) => (isUp ? 'up' : 'down');
    const status = isRedisUp && isDatabaseUp ? 'ok' : isDatabaseUp ? 'degraded' : 'down';
    res
      .status(isDatabaseUp ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json({ status, redis: nameOf(isRedisUp), database: nameOf(isDatabaseUp) });
  });
  return router;
}

/** Whether Redis answers in time. A client that is disconnected rejects at once; one that is paused never does. */
async function answers(redis: RedisClient): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, REDIS_TIMEOUT_MS, false);
  });
  const reply = redis.call('PING').then(
    (pong) => pong === 'PONG',
    () => false,
  );
  try {
    return await Promise.race([reply, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
