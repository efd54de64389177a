import { apicacheScenario } from '../../apicache.js';

export const scenario = apicacheScenario(
  'apicache answers from Redis; the handler never runs',
  // It asks for a flag of the client that it was written for.
  (redis) => ({ redisClient: Object.assign(redis, { connected: true }) }),
);
