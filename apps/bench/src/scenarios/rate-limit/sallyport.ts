import { rateLimit } from '@sallyport/rate-limit';
import { askCatalogue, catalogueApp, catalogueIs, DEADLINE_MS, FREE } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'rateLimit() admits the request, then res.json()',
  serve: ({ connect }) =>
    catalogueApp(rateLimit({ redis: connect(), ...FREE, deadlineMs: DEADLINE_MS, onStoreFailure: 'closed' })),
  prepare: askCatalogue,
  check: catalogueIs({ 'X-RateLimit-Limit': new RegExp(`^${FREE.limit}$`), 'X-RateLimit-Remaining': /^\d+$/ }),
};
