import express from 'express';
import {
  getSharedIdempotencyService,
  idempotency,
  type IdempotencyResource,
  type IIdempotencyDataAdapter,
} from 'express-idempotency';
import type { Redis } from 'ioredis';
import { answerOrder, orderAgain } from '../../fixtures.js';
import { payloadText } from '../../payload.js';
import { expectAnswer, type Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'express-idempotency, with an adapter for Redis as its README asks for one, answers a repeated POST',
  baseline: 'express/post',
  serve: ({ connect }) =>
    express()
      .use(express.json(), idempotency({ dataAdapter: adapter(connect()) }) as express.RequestHandler)
      .post('/orders', (req, res) => {
        // It calls the handler after it has answered.
        if (!getSharedIdempotencyService().isHit(req as never)) answerOrder(req, res);
      }),
  prepare: orderAgain,
  check: (answer) =>
    expectAnswer(answer, { status: 201, headers: { 'Idempotency-Key': /7f3a9c52/ }, body: payloadText }),
};

function adapter(redis: Redis): IIdempotencyDataAdapter {
  const write = async (resource: IdempotencyResource) =>
    void (await redis.set(`idempotency:${resource.idempotencyKey}`, JSON.stringify(resource), 'EX', 3_600));
  return {
    async findByIdempotencyKey(key) {
      const stored = await redis.get(`idempotency:${key}`);
      return stored === null ? null : (JSON.parse(stored) as IdempotencyResource);
    },
    create: write,
    update: write,
    delete: async (key) => void (await redis.del(`idempotency:${key}`)),
  };
}
