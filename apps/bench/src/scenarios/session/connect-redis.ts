import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { answerUser, askAsUser, catalogueIs, HOUR_MS, SECRET } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'express-session with connect-redis reads the session of a user who is logged in, then res.json()',
  serve({ connect }) {
    const middleware = session({
      store: new RedisStore({ client: connect(), ttl: HOUR_MS / 1_000 }),
      secret: SECRET,
      resave: false,
      saveUninitialized: false,
    });
    return express()
      .use(middleware)
      .post('/log-in', (req, res, next) =>
        req.session.regenerate((error) => {
          if (error) return next(error);
          Object.assign(req.session, { user: 'ann' });
          res.sendStatus(204);
        }),
      )
      .get(
        '/catalogue',
        answerUser((req) => Reflect.get(req.session, 'user') as string | undefined),
      );
  },
  prepare: askAsUser,
  check: catalogueIs({ 'X-User': /^ann$/ }),
};
