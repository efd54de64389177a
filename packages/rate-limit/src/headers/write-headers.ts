// Puts fields onto a response that may have fields of another limiter already. Two limiters on one request must not
// overwrite each other: the client would be told about the second one only, although it hits the first one sooner.

import type { ServerResponse } from 'node:http';
import type { Decision } from '../decision.js';
import { closestPolicy } from './closest-policy.js';
import type { KeyedVerdict } from './draft-08.js';
import type { HeaderSettings } from './header-options.js';
import { buildHeaders, type HeaderContext } from './headers.js';

const EXPOSE = 'Access-Control-Expose-Headers';

/** What has been said on a response so far. */
const said = new WeakMap<ServerResponse, Decision>();

/** Sets the fields of `decision`, together with those of earlier limiters of this response. Nothing once it has begun. */
export function writeHeaders(
  res: ServerResponse,
  decision: Decision,
  settings: HeaderSettings,
  context: HeaderContext,
): void {
  if (res.headersSent) return;
  const whole = joinDecisions(said.get(res), decision);
  said.set(res, whole);
  for (const [name, value] of buildHeaders(whole, settings, context)) {
    res.setHeader(name, name === EXPOSE ? mergeList(res.getHeader(name), value) : value);
  }
}

/** Two decisions about one request as one: the policies of both, refused when one of them refuses. */
export function joinDecisions(earlier: Decision | undefined, later: Decision): Decision {
  if (earlier === undefined) return later;
  // A degraded one has nothing to add to what Redis has said, but that it refuses.
  const policies = new Map<string, KeyedVerdict>();
  for (const { outcome, policies: own, key } of [earlier, later]) {
    if (outcome === 'degraded') continue;
    // Names are unique in a response: of two policies of one name, the one that the client hits first.
    for (const verdict of own) {
      const policy: KeyedVerdict = { key, ...verdict };
      const known = policies.get(policy.name);
      policies.set(policy.name, known === undefined ? policy : (closestPolicy([policy, known]) ?? policy));
    }
  }
  const refusal = later.isAllowed ? earlier : later;
  const { reason } = refusal;
  return {
    outcome: earlier.outcome === 'degraded' || !later.isAllowed ? later.outcome : earlier.outcome,
    isAllowed: earlier.isAllowed && later.isAllowed,
    key: later.key,
    cost: later.cost,
    policies: [...policies.values()],
    retryAfterMs: Math.max(earlier.retryAfterMs, later.retryAfterMs),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** The names that the application exposes already, then ours that it does not. */
function mergeList(existing: ReturnType<ServerResponse['getHeader']>, added: string): string {
  const names = [String(existing ?? ''), added].join(',').split(',');
  const unique = new Map<string, string>();
  for (const name of names.map((text) => text.trim())) {
    if (name !== '' && !unique.has(name.toLowerCase())) unique.set(name.toLowerCase(), name);
  }
  return [...unique.values()].join(', ');
}
