import { createSessions } from '@sallyport/session';
import express from 'express';
import { answerUser, askAsUser, catalogueIs, DEADLINE_MS, HOUR_MS, SECRET } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'sessions.middleware reads the session of a user who is logged in, then res.json()',
  serve({ connect }) {
    const sessions = createSessions({
      redis: connect(),
      secrets: [SECRET],
      idleMs: HOUR_MS,
      deadlineMs: DEADLINE_MS,
    });
    return express()
      .use(sessions.middleware)
      .post('/log-in', async (req, res) => {
        await sessions.logIn(req, 'ann');
        res.sendStatus(204);
      })
      .get(
        '/catalogue',
        answerUser((req) => req.session.userId),
      );
  },
  prepare: askAsUser,
  check: catalogueIs({ 'X-User': /^ann$/ }),
};
