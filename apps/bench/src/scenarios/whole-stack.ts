import { rateLimit } from '@sallyport/rate-limit';
import { responseCache } from '@sallyport/response-cache';
import { createSessions } from '@sallyport/session';
import express from 'express';
import { fillCache } from '../fill-cache.js';
import { payload, payloadText } from '../payload.js';
import { expectAnswer, type Scenario } from '../scenario.js';

export const wholeStack: Scenario = {
  name: 'stack/sallyport',
  description: 'rateLimit(), the session of a user who is logged in, and a hit of responseCache() for this user',
  serve(connect) {
    const redis = connect();
    const deadlineMs = 5_000;
    const secrets = ['for measuring only, 32 bytes and more'];
    const sessions = createSessions({ redis, secrets, idleMs: 3_600_000, deadlineMs });
    return express()
      .use(rateLimit({ redis, limit: 100_000_000, windowMs: 3_600_000, deadlineMs, onStoreFailure: 'closed' }))
      .use(sessions.middleware)
      .post('/log-in', async (req, res) => {
        await sessions.logIn(req, 'ann');
        res.sendStatus(204);
      })
      .use(responseCache({ redis, ttlMs: 3_600_000, deadlineMs, user: (req) => req.session.userId }))
      .get('/catalogue', (req, res) => {
        res.setHeader('X-User', req.session.userId ?? 'nobody');
        res.json(payload);
      });
  },
  async prepare(send) {
    const { cookies } = await send({ method: 'POST', path: '/log-in' });
    const headers = { Cookie: cookies[0]?.split(';')[0] ?? '' };
    return fillCache(send, { method: 'GET', path: '/catalogue', headers });
  },
  check: (answer) =>
    expectAnswer(answer, {
      status: 200,
      headers: { 'X-RateLimit-Remaining': /^\d+$/, 'X-User': /^ann$/, 'X-Cache': /^HIT$/ },
      body: payloadText,
    }),
};
