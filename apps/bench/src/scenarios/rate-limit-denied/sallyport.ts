import { rateLimit } from '@sallyport/rate-limit';
import { CATALOGUE, catalogueApp, DEADLINE_MS, HOUR_MS } from '../../fixtures.js';
import { expectAnswer, type Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'rateLimit() refuses a client that is over its limit',
  baseline: 'express/send',
  hasVaryingBody: true,
  serve: ({ connect }) =>
    catalogueApp(
      rateLimit({ redis: connect(), limit: 1, windowMs: HOUR_MS, deadlineMs: DEADLINE_MS, onStoreFailure: 'closed' }),
    ),
  async prepare(send) {
    await send(CATALOGUE);
    return CATALOGUE;
  },
  check: (answer) => expectAnswer(answer, { status: 429, headers: { 'Retry-After': /^\d+$/ }, body: /./ }),
};
