import { askCatalogue, catalogueApp, catalogueIs } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

/** The reference: what an application without any of this costs. */
export const scenario: Scenario = {
  description: 'Express alone, one route that answers with res.json()',
  servers: ['plain', 'fast'],
  serve: () => catalogueApp(),
  prepare: askCatalogue,
  check: catalogueIs({ ETag: /./, 'X-Powered-By': /^Express$/ }),
};
