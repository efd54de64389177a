import express from 'express';
import { answerOrder, ORDER } from '../../fixtures.js';
import { payloadText } from '../../payload.js';
import { expectAnswer, type Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'Express alone, express.json() and a POST that is executed each time',
  serve: () => express().use(express.json()).post('/orders', answerOrder),
  prepare: async () => ORDER,
  check: (answer) => expectAnswer(answer, { status: 201, headers: { ETag: /./ }, body: payloadText }),
};
