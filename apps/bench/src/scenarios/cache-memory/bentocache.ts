import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisDriver } from 'bentocache/drivers/redis';
import { cachedJson } from '../../cached-json.js';
import { askTwice, catalogueIs } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'bentocache.getOrSet() on memory before Redis, then res.json()',
  serve({ connect }) {
    const store = bentostore()
      .useL1Layer(memoryDriver({ maxItems: 10_000 }))
      .useL2Layer(redisDriver({ connection: connect() }));
    const bento = new BentoCache({ default: 'shop', stores: { shop: store } });
    return cachedJson((key, load) => bento.getOrSet({ key, ttl: '1h', factory: load }));
  },
  prepare: askTwice,
  check: catalogueIs({ ETag: /./, 'X-Loads': /^1$/ }),
};
