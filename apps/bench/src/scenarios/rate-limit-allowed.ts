import { rateLimit } from '@sallyport/rate-limit';
import express from 'express';
import { payload, payloadText } from '../payload.js';
import { expectAnswer, type Scenario } from '../scenario.js';

/** A limit that the run never reaches, in one window that outlasts it. */
const LIMIT = 100_000_000;

export const rateLimitAllowed: Scenario = {
  name: 'rate-limit/allowed',
  description: 'rateLimit() admits the request, then res.json()',
  serve: (connect) =>
    express()
      .use(
        rateLimit({ redis: connect(), limit: LIMIT, windowMs: 3_600_000, deadlineMs: 5_000, onStoreFailure: 'closed' }),
      )
      .get('/catalogue', (_req, res) => void res.json(payload)),
  prepare: async () => ({ method: 'GET', path: '/catalogue' }),
  check: (answer) =>
    expectAnswer(answer, {
      status: 200,
      headers: { 'X-RateLimit-Limit': new RegExp(`^${LIMIT}$`), 'X-RateLimit-Remaining': /^\d+$/ },
      body: payloadText,
    }),
};
