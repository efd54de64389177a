// When a session gets a new id while it lives, and which. The session stays where it is in Redis: only the hash of the id's
// secret changes, by compare-and-set, so that of parallel requests one renews the id and all agree on the new one.
//
//   present id ──renewalMs──► renewed by the next response ──► present id
//   previous id ──renewalGraceMs──► a replay                    works as long as requests may be under way

import type { Session } from 'express-session';
import { addressOf, nextSessionId } from './session-id.js';
import { stateOf, type Renewal } from './session-state.js';

/** Gives the renewal that is due for a session, if one is. */
export function dueRenewal(session: Session, renewalMs: number | undefined, secret: string): Renewal | undefined {
  if (renewalMs === undefined) return undefined;
  const state = stateOf(session);
  if (state?.record === undefined || state.record.isGrace || state.isNew) return undefined;
  // Counted up to the response, so that of two requests the later response never carries the older id.
  const idAgeMs = state.record.idAgeMs + performance.now() - state.readAt;
  return idAgeMs >= renewalMs ? renewalOf(session.id, secret) : undefined;
}

/**
 * Gives the present id of a session that was read by its previous one, as long as nobody has used the present one: the
 * response that brought it may have been lost. Once it is used, whoever still has the previous one is not told.
 */
export function missedRenewal(session: Session, secret: string): Renewal | undefined {
  const unusedProof = stateOf(session)?.record?.unusedProof;
  const renewal = unusedProof === undefined ? undefined : renewalOf(session.id, secret);
  return renewal?.to.proof === unusedProof ? renewal : undefined;
}

function renewalOf(sessionId: string, secret: string): Renewal | undefined {
  const from = addressOf(sessionId);
  if (from === undefined) return undefined;
  const next = nextSessionId(sessionId, from, secret);
  const to = addressOf(next);
  return to && { from, to, sessionId: next };
}
