import { rateLimit } from 'express-rate-limit';
import { RedisStore, type RedisReply } from 'rate-limit-redis';
import { CATALOGUE, catalogueApp, HOUR_MS } from '../../fixtures.js';
import { expectAnswer, type Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'express-rate-limit with rate-limit-redis refuses a client that is over its limit',
  baseline: 'express/send',
  serve({ connect }) {
    const redis = connect();
    const sendCommand = (command: string, ...args: string[]) => redis.call(command, ...args) as Promise<RedisReply>;
    return catalogueApp(rateLimit({ limit: 1, windowMs: HOUR_MS, store: new RedisStore({ sendCommand }) }));
  },
  async prepare(send) {
    await send(CATALOGUE);
    return CATALOGUE;
  },
  check: (answer) => expectAnswer(answer, { status: 429, headers: { 'Retry-After': /^\d+$/ }, body: /Too many/ }),
};
