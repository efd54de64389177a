import { createCache } from '@sallyport/cache';
import { responseCache } from '@sallyport/response-cache';
import { DEADLINE_MS, HOUR_MS } from '../../fixtures.js';
import { fillPage, pageApp, pageIs } from '../../page.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'responseCache() on a cache with coherent memory (l1) answers 50 KB of HTML; the handler never runs',
  baseline: 'express/html',
  serve({ connect }) {
    const cache = createCache({ redis: connect(), namespace: 'shop', l1: {}, deadlineMs: DEADLINE_MS });
    return pageApp(responseCache({ cache, ttlMs: HOUR_MS }));
  },
  prepare: fillPage,
  check: pageIs({ 'X-Cache': /^HIT$/, ETag: /./, Age: /^\d+$/ }),
};
