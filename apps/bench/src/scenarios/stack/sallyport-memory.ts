import { createCache } from '@sallyport/cache';
import { rateLimit } from '@sallyport/rate-limit';
import { responseCache } from '@sallyport/response-cache';
import { createSessions } from '@sallyport/session';
import express from 'express';
import { fillCache } from '../../fill-cache.js';
import { answerUser, askAsUser, catalogueIs, DEADLINE_MS, FREE, HOUR_MS, SECRET } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'the same with coherent memory in front of the response cache',
  servers: ['plain', 'fast'],
  serve({ connect }) {
    const redis = connect();
    const deadlineMs = DEADLINE_MS;
    const sessions = createSessions({ redis, secrets: [SECRET], idleMs: HOUR_MS, deadlineMs });
    const cache = createCache({ redis, namespace: 'shop', l1: {}, deadlineMs });
    return express()
      .use(rateLimit({ redis, ...FREE, deadlineMs, onStoreFailure: 'closed' }))
      .use(sessions.middleware)
      .post('/log-in', async (req, res) => {
        await sessions.logIn(req, 'ann');
        res.sendStatus(204);
      })
      .use(responseCache({ cache, ttlMs: HOUR_MS, user: (req) => req.session.userId }))
      .get(
        '/catalogue',
        answerUser((req) => req.session.userId),
      );
  },
  prepare: async (send) => fillCache(send, await askAsUser(send)),
  check: catalogueIs({ 'X-RateLimit-Remaining': /^\d+$/, 'X-User': /^ann$/, 'X-Cache': /^HIT$/ }),
};
