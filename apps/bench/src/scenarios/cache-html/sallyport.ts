import { responseCache } from '@sallyport/response-cache';
import { DEADLINE_MS, HOUR_MS } from '../../fixtures.js';
import { fillPage, pageApp, pageIs } from '../../page.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'responseCache() answers 50 KB of HTML from Redis; the handler never runs',
  baseline: 'express/html',
  serve: ({ connect }) => pageApp(responseCache({ redis: connect(), ttlMs: HOUR_MS, deadlineMs: DEADLINE_MS })),
  prepare: fillPage,
  check: pageIs({ 'X-Cache': /^HIT$/, ETag: /./, Age: /^\d+$/ }),
};
