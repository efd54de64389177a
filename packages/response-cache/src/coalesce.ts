// Lets requests of this process that miss the same response wait for the first of them.

import type { Request, Response } from 'express';
import { createFlights, type Outcome } from './flights.js';
import type { ResponseCacheSettings } from './options.js';
import type { RequestPlan } from './request-plan.js';
import type { Server } from './serve-stored.js';
import type { Found } from './shelf.js';
import { variantId } from './vary.js';

/** How long it is remembered that the responses of a key can't be shared. */
const UNCACHEABLE_MS = 10_000;
/** How often a request waits for others before it runs by itself. */
const MAX_ROUNDS = 3;

/** Gives `true` when another request has answered this one, else what is to be called with the outcome of this one. */
export type Coalesce = (
  req: Request,
  res: Response,
  plan: RequestPlan,
  found: Found,
) => Promise<true | ((outcome: Outcome) => void)>;

export function createCoalesce({ events, coalesceMs }: ResponseCacheSettings, send: Server['send']): Coalesce {
  const flights = createFlights(coalesceMs, UNCACHEABLE_MS);
  // Between the last look at the others and taking the lead there is no `await`, or several would lead.
  return async (req, res, plan, found) => {
    const { id, origin, headers } = plan.selector;
    const flight = `${id} ${variantId(origin, found.record.names, headers)}`;
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const run = flights.join(flight);
      if (run === undefined) break;
      const outcome = await run;
      if (outcome.kind === 'uncacheable') break;
      // Nothing came of it: the first of those who waited is the next, and the others wait for it.
      if (outcome.kind === 'failed') continue;
      const { response, names, variant, isStale } = outcome;
      // Only now is it known which headers matter: the response may be another variant than this client's.
      if (variantId(origin, names, headers) !== variant) break;
      send(req, res, response, isStale ? 'STALE' : 'HIT', 'fwd=miss; collapsed');
      events.emit({ type: 'coalesced', key: plan.key });
      return true;
    }
    return flights.lead(flight);
  };
}
