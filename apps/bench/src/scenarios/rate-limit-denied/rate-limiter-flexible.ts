import type { RequestHandler } from 'express';
import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { CATALOGUE, catalogueApp, HOUR_MS } from '../../fixtures.js';
import { expectAnswer, type Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description:
    'RateLimiterRedis of rate-limiter-flexible, with inMemoryBlockOnConsumed, refuses a client over its limit',
  baseline: 'express/send',
  serve({ connect }) {
    const limiter = new RateLimiterRedis({
      storeClient: connect(),
      points: 1,
      duration: HOUR_MS / 1_000,
      inMemoryBlockOnConsumed: 1,
    });
    const middleware: RequestHandler = async (req, res, next) => {
      try {
        await limiter.consume(req.ip ?? '');
        next();
      } catch (denial) {
        res.setHeader('Retry-After', Math.ceil((denial as RateLimiterRes).msBeforeNext / 1_000));
        res.status(429).send('Too Many Requests');
      }
    };
    return catalogueApp(middleware);
  },
  async prepare(send) {
    await send(CATALOGUE);
    await send(CATALOGUE);
    return CATALOGUE;
  },
  check: (answer) =>
    expectAnswer(answer, { status: 429, headers: { 'Retry-After': /^\d+$/ }, body: 'Too Many Requests' }),
};
