import express from 'express';
import { CATALOGUE } from '../../fixtures.js';
import { expectAnswer, type Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'Express alone, a middleware that refuses the request by a line of text',
  serve: () => express().use((_req, res) => void res.status(429).send('Too Many Requests')),
  prepare: async () => CATALOGUE,
  check: (answer) => expectAnswer(answer, { status: 429, headers: { ETag: /./ }, body: 'Too Many Requests' }),
};
