import { createCache } from '@sallyport/cache';
import { responseCache } from '@sallyport/response-cache';
import { fillCache } from '../../fill-cache.js';
import { CATALOGUE, catalogueApp, catalogueIs, DEADLINE_MS, HOUR_MS } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'responseCache() on a cache with coherent memory (l1) answers; the handler never runs',
  serve({ connect }) {
    const cache = createCache({ redis: connect(), namespace: 'shop', l1: {}, deadlineMs: DEADLINE_MS });
    return catalogueApp(responseCache({ cache, ttlMs: HOUR_MS }));
  },
  prepare: (send) => fillCache(send, CATALOGUE),
  check: catalogueIs({ 'X-Cache': /^HIT$/, ETag: /./, Age: /^\d+$/ }),
};
