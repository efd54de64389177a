// Cookies that a response needs although express-session sets none: cleared where the session has ended, set where its id
// or its limit is new, signed anew where a previous secret had signed it. And the bound on what it does set.

import type { Request } from 'express';
import { clearingCookie } from './cookie.js';
import { stateOf, type RequestState } from './session-state.js';
import { signSessionId } from './signed-cookie.js';

/** A part of express-session's cookie that its types leave out. */
interface SerializingCookie {
  serialize(name: string, value: string): string;
}

/** Gives the `Set-Cookie` line that this response has to carry, if any. */
export function upkeepCookie(req: Request, state: RequestState, secret: string): string | undefined {
  const { cookie, seenCookie, issuedId } = state;
  if (issuedId !== undefined && req.session && cookie.isSendable) return serialize(req, state, issuedId, secret);
  if (state.hasEnded) return clearingCookie(cookie.variant);
  if (state.isCookieDead) return mayClear(req) ? clearingCookie(cookie.variant) : undefined;
  const { session } = req;
  const known = session && stateOf(session);
  // An id that was replaced must not come back to a browser that may have the new one.
  const isLive = known?.isNew === false && session.id === seenCookie.sessionId && known.record?.isGrace !== true;
  if (!isLive || !seenCookie.isOutdated || !cookie.isSendable) return undefined;
  return serialize(req, state, session.id, secret);
}

function serialize(req: Request, { cookie }: RequestState, sessionId: string, secret: string): string {
  const own = req.session.cookie as unknown as SerializingCookie;
  return own.serialize(cookie.variant.name, signSessionId(sessionId, secret));
}

/**
 * The cookie of a session that has ended elsewhere is cleared on navigations, and for clients that are no browsers. A
 * script's request in the background could be overtaken by a log-in, whose new cookie it would erase.
 */
function mayClear(req: Request): boolean {
  const mode = req.headers['sec-fetch-mode'];
  return mode === undefined || mode === 'navigate';
}

/** Holds a cookie's lifetime, which handlers may set, to the end of its session. */
export function boundCookieLifetime(session: Request['session']): void {
  const endMs = stateOf(session)?.endMs;
  const { expires } = session.cookie;
  if (endMs === undefined || !(expires instanceof Date) || expires.getTime() <= endMs) return;
  session.cookie.expires = new Date(endMs);
}
