import KeyvRedis from '@keyv/redis';
import { Cacheable } from 'cacheable';
import { cachedJson } from '../../cached-json.js';
import { askTwice, catalogueIs, HOUR_MS } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'cacheable.getOrSet() on memory before Redis (node-redis), then res.json()',
  serve({ url }) {
    const store = new KeyvRedis(url);
    const cache = new Cacheable({ secondary: store, ttl: HOUR_MS });
    return cachedJson((key, load) => cache.getOrSet(key, load));
  },
  prepare: askTwice,
  check: catalogueIs({ ETag: /./, 'X-Loads': /^1$/ }),
};
