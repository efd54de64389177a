import { RedisStore } from 'connect-redis';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import session from 'express-session';
import { RedisStore as LimitStore, type RedisReply } from 'rate-limit-redis';
import { askAsUser, catalogueIs, FREE, HOUR_MS, SECRET } from '../../fixtures.js';
import { payload } from '../../payload.js';
import type { Scenario } from '../../scenario.js';

/** As the tutorials of these packages put them together: one cached answer per user. */
export const scenario: Scenario = {
  description:
    'express-rate-limit + rate-limit-redis, express-session + connect-redis, and a GET/res.json() cache per user',
  servers: ['plain', 'fast'],
  serve({ connect }) {
    const redis = connect();
    const sendCommand = (command: string, ...args: string[]) => redis.call(command, ...args) as Promise<RedisReply>;
    const sessions = session({
      store: new RedisStore({ client: redis, ttl: HOUR_MS / 1_000 }),
      secret: SECRET,
      resave: false,
      saveUninitialized: false,
    });
    return express()
      .use(rateLimit({ ...FREE, store: new LimitStore({ sendCommand }) }), sessions)
      .post('/log-in', (req, res, next) =>
        req.session.regenerate((error) => {
          if (error) return next(error);
          Object.assign(req.session, { user: 'ann' });
          res.sendStatus(204);
        }),
      )
      .get('/catalogue', async (req, res) => {
        const user = Reflect.get(req.session, 'user') as string;
        const key = `cache:${user}:${req.originalUrl}`;
        const stored = await redis.get(key);
        res.setHeader('X-User', user);
        if (stored === null) {
          await redis.set(key, JSON.stringify(payload), 'EX', 3_600);
          res.json(payload);
        } else {
          res.setHeader('X-Cache', 'HIT').json(JSON.parse(stored));
        }
      });
  },
  async prepare(send) {
    const request = await askAsUser(send);
    await send(request);
    return request;
  },
  check: catalogueIs({ 'X-RateLimit-Remaining': /^\d+$/, 'X-User': /^ann$/, 'X-Cache': /^HIT$/ }),
};
