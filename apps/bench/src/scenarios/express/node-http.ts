import { askCatalogue, catalogueIs } from '../../fixtures.js';
import { payload } from '../../payload.js';
import type { Scenario } from '../../scenario.js';

/** The floor: what Node itself costs. */
export const scenario: Scenario = {
  description: 'node:http alone, JSON by hand',
  servers: ['plain'],
  serve: () => (_req, res) => {
    const body = Buffer.from(JSON.stringify(payload));
    res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': body.length });
    res.end(body);
  },
  prepare: askCatalogue,
  check: catalogueIs({ 'Content-Type': /^application\/json/ }),
};
