import type { RequestHandler } from 'express';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { askCatalogue, catalogueApp, catalogueIs, FREE } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description:
    'RateLimiterRedis of rate-limiter-flexible in the middleware of its README, with headers, then res.json()',
  serve({ connect }) {
    const limiter = new RateLimiterRedis({
      storeClient: connect(),
      points: FREE.limit,
      duration: FREE.windowMs / 1_000,
    });
    const middleware: RequestHandler = async (req, res, next) => {
      const { remainingPoints, msBeforeNext } = await limiter.consume(req.ip ?? '');
      res.setHeader('X-RateLimit-Limit', FREE.limit);
      res.setHeader('X-RateLimit-Remaining', remainingPoints);
      res.setHeader('X-RateLimit-Reset', Math.ceil(msBeforeNext / 1_000));
      next();
    };
    return catalogueApp(middleware);
  },
  prepare: askCatalogue,
  check: catalogueIs({ 'X-RateLimit-Limit': new RegExp(`^${FREE.limit}$`), 'X-RateLimit-Remaining': /^\d+$/ }),
};
