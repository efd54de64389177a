import { responseCache } from '@sallyport/response-cache';
import express from 'express';
import { fillCache } from '../fill-cache.js';
import { payload, payloadText } from '../payload.js';
import { expectAnswer, type Scenario } from '../scenario.js';

export const responseCacheHit: Scenario = {
  name: 'response-cache/hit',
  description: 'responseCache() answers; the handler never runs',
  serve: (connect) =>
    express()
      .use(responseCache({ redis: connect(), ttlMs: 3_600_000, deadlineMs: 5_000 }))
      .get('/catalogue', (_req, res) => void res.json(payload)),
  prepare: (send) => fillCache(send, { method: 'GET', path: '/catalogue' }),
  check: (answer) =>
    expectAnswer(answer, { status: 200, headers: { 'X-Cache': /^HIT$/, ETag: /./ }, body: payloadText }),
};
