import express from 'express';
import { payload, payloadText } from '../payload.js';
import { expectAnswer, type Scenario } from '../scenario.js';

/** The reference: what an application without any of this costs. */
export const expressJson: Scenario = {
  name: 'express/json',
  description: 'Express alone, one route that answers with res.json()',
  serve: () => express().get('/catalogue', (_req, res) => void res.json(payload)),
  prepare: async () => ({ method: 'GET', path: '/catalogue' }),
  check: (answer) =>
    expectAnswer(answer, { status: 200, headers: { ETag: /./, 'X-Powered-By': /^Express$/ }, body: payloadText }),
};
