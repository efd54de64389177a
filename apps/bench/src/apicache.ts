import { createRequire } from 'node:module';
import express, { type RequestHandler } from 'express';
import { fillCache } from './fill-cache.js';
import { CATALOGUE } from './fixtures.js';
import { payload, payloadText } from './payload.js';
import { expectAnswer, type Scenario } from './scenario.js';

/** What we use of apicache, which has no types. */
interface ApiCache {
  options(options: object): ApiCache;
  newInstance(): ApiCache;
  middleware(duration: string): RequestHandler;
}

const library = createRequire(import.meta.url)('apicache') as ApiCache;

/** apicache in front of the catalogue. In production its hits bear no mark, so the handler numbers what it makes. */
export function apicacheScenario(description: string, optionsOf: (redis: object) => object): Scenario {
  return {
    description,
    serve({ connect }) {
      let made = 0;
      const middleware = library.newInstance().options(optionsOf(connect())).middleware('1 hour');
      return express().get('/catalogue', middleware, (_req, res) => {
        made += 1;
        res.setHeader('X-Made', made);
        res.json(payload);
      });
    },
    prepare: (send) => {
      let last = '';
      return fillCache(send, CATALOGUE, ({ headers }) => {
        const isHit = headers['x-made'] === last;
        last = headers['x-made'] ?? '';
        return isHit;
      });
    },
    // A handler that ran for each request would be past 99 at once.
    check: (answer) =>
      expectAnswer(answer, { status: 200, headers: { 'X-Made': /^\d\d?$/, ETag: /./ }, body: payloadText }),
  };
}
