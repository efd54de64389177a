import { rateLimit } from 'express-rate-limit';
import { RedisStore, type RedisReply } from 'rate-limit-redis';
import { askCatalogue, catalogueApp, catalogueIs, FREE } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'express-rate-limit with rate-limit-redis admits the request, then res.json()',
  serve({ connect }) {
    const redis = connect();
    const sendCommand = (command: string, ...args: string[]) => redis.call(command, ...args) as Promise<RedisReply>;
    return catalogueApp(rateLimit({ ...FREE, legacyHeaders: true, store: new RedisStore({ sendCommand }) }));
  },
  prepare: askCatalogue,
  check: catalogueIs({ 'X-RateLimit-Limit': new RegExp(`^${FREE.limit}$`), 'X-RateLimit-Remaining': /^\d+$/ }),
};
