import { payload, payloadText } from '../payload.js';
import { expectAnswer, type Scenario } from '../scenario.js';

/** The floor: what Node itself costs. */
export const nodeHttp: Scenario = {
  name: 'node/http',
  description: 'node:http alone, JSON by hand',
  serve: () => (_req, res) => {
    const body = Buffer.from(JSON.stringify(payload));
    res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': body.length });
    res.end(body);
  },
  prepare: async () => ({ method: 'GET', path: '/catalogue' }),
  check: (answer) =>
    expectAnswer(answer, { status: 200, headers: { 'Content-Type': /^application\/json/ }, body: payloadText }),
};
