import { idempotency } from '@sallyport/idempotency';
import express from 'express';
import { answerOrder, DEADLINE_MS, orderAgain } from '../../fixtures.js';
import { payloadText } from '../../payload.js';
import { expectAnswer, type Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'idempotency() answers a repeated POST with the stored answer',
  baseline: 'express/post',
  serve: ({ connect }) =>
    express()
      .use(express.json(), idempotency({ redis: connect(), scope: () => 'ann', deadlineMs: DEADLINE_MS }))
      .post('/orders', answerOrder),
  prepare: orderAgain,
  check: (answer) =>
    expectAnswer(answer, { status: 201, headers: { 'Idempotency-Replayed': /^true$/ }, body: payloadText }),
};
