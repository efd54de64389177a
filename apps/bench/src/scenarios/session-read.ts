import { createSessions } from '@sallyport/session';
import express from 'express';
import { payload, payloadText } from '../payload.js';
import { expectAnswer, type Scenario } from '../scenario.js';

export const sessionRead: Scenario = {
  name: 'session/read',
  description: 'sessions.middleware reads the session of a user who is logged in, then res.json()',
  serve(connect) {
    const secrets = ['for measuring only, 32 bytes and more'];
    const sessions = createSessions({ redis: connect(), secrets, idleMs: 3_600_000, deadlineMs: 5_000 });
    return express()
      .use(sessions.middleware)
      .post('/log-in', async (req, res) => {
        await sessions.logIn(req, 'ann');
        res.sendStatus(204);
      })
      .get('/catalogue', (req, res) => {
        res.setHeader('X-User', req.session.userId ?? 'nobody');
        res.json(payload);
      });
  },
  async prepare(send) {
    const { cookies } = await send({ method: 'POST', path: '/log-in' });
    return { method: 'GET', path: '/catalogue', headers: { Cookie: cookies[0]?.split(';')[0] ?? '' } };
  },
  check: (answer) => expectAnswer(answer, { status: 200, headers: { 'X-User': /^ann$/ }, body: payloadText }),
};
