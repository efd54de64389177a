import { responseCache } from '@sallyport/response-cache';
import express from 'express';
import { payload, payloadText } from '../payload.js';
import { expectAnswer, type Scenario } from '../scenario.js';

export const responseCacheHit: Scenario = {
  name: 'response-cache/hit',
  description: 'responseCache() answers; the handler never runs',
  serve: (connect) =>
    express()
      .use(responseCache({ redis: connect(), ttlMs: 3_600_000, deadlineMs: 5_000 }))
      .get('/catalogue', (_req, res) => void res.json(payload)),
  async prepare(send) {
    const request = { method: 'GET', path: '/catalogue' } as const;
    await send(request);
    return request;
  },
  check: (answer) =>
    expectAnswer(answer, { status: 200, headers: { 'X-Cache': /^HIT$/, ETag: /./ }, body: payloadText }),
};
