// Which fields a decision gives its response. Pure: the clock and the dice are the caller's. What each form says is in its
// own file; here is only which of them apply.

import type { Decision } from '../decision.js';
import { draft06Fields } from './draft-06.js';
import { draft07Fields } from './draft-07.js';
import { draft08Fields } from './draft-08.js';
import type { HeaderSettings } from './header-options.js';
import { legacyFields } from './legacy.js';
import { retryAfter } from './retry-after.js';

/** Name and value of a response field. */
export type HeaderField = readonly [name: string, value: string];

/** What the fields need and no decision holds. */
export interface HeaderContext {
  /** Milliseconds since 1970; only for a Reset that is a moment. */
  readonly nowMs: number;
  /** From 0 up to but not including 1; only for the jitter of `Retry-After`. */
  readonly random: () => number;
}

/**
 * Gives the fields of a decision's response.
 *
 * A degraded decision has none but `Retry-After`: one process does not know where the client stands. Nor has one that a ban or
 * the block list made, because the quota is not what decided. They are on every status, 3xx included: what follows a redirect
 * is counted too.
 */
export function buildHeaders(
  decision: Decision,
  settings: HeaderSettings,
  context: HeaderContext,
): readonly HeaderField[] {
  const fields = saysQuota(decision) ? quotaFields(decision, settings, context.nowMs) : [];
  const wait = retryAfter(decision, settings.retryAfterJitterSeconds, context.random);
  if (wait !== undefined) fields.push(['Retry-After', wait]);
  if (settings.exposeHeaders && fields.length > 0) {
    fields.push(['Access-Control-Expose-Headers', fields.map(([name]) => name).join(', ')]);
  }
  return fields;
}

function saysQuota({ outcome, reason }: Decision): boolean {
  return outcome !== 'degraded' && reason !== 'banned' && reason !== 'blocked';
}

function quotaFields(decision: Decision, { legacy, draft, partitionKey }: HeaderSettings, nowMs: number) {
  const fields = legacy === false ? [] : legacyFields(decision, legacy, nowMs);
  if (draft === 6) fields.push(...draft06Fields(decision));
  if (draft === 7) fields.push(...draft07Fields(decision));
  if (draft === 8) fields.push(...draft08Fields(decision, partitionKey));
  return fields;
}
