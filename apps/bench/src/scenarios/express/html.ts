import { askPage, pageApp, pageIs } from '../../page.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'Express alone, one route that answers 50 KB of HTML with res.send()',
  servers: ['plain', 'fast'],
  serve: () => pageApp(),
  prepare: askPage,
  check: pageIs({ ETag: /./ }),
};
