import { responseCache } from '@sallyport/response-cache';
import { fillCache } from '../../fill-cache.js';
import { CATALOGUE, catalogueApp, catalogueIs, DEADLINE_MS, HOUR_MS } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'responseCache() answers from Redis; the handler never runs',
  serve: ({ connect }) => catalogueApp(responseCache({ redis: connect(), ttlMs: HOUR_MS, deadlineMs: DEADLINE_MS })),
  prepare: (send) => fillCache(send, CATALOGUE),
  check: catalogueIs({ 'X-Cache': /^HIT$/, ETag: /./, Age: /^\d+$/ }),
};
