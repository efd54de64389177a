// Cookies that a response needs although express-session sets none: cleared where the session has ended, signed anew where
// a previous secret had signed it. And the bound on what express-session does set.

import type { Request } from 'express';
import { clearingCookie } from './cookie.js';
import { timeLeftMs } from './session-origin.js';
import { stateOf, type RequestState } from './session-state.js';
import { signSessionId } from './signed-cookie.js';

/** A part of express-session's cookie that its types leave out. */
interface SerializingCookie {
  serialize(name: string, value: string): string;
}

/** Gives the `Set-Cookie` line for a session that the request did not change, if it needs one. */
export function upkeepCookie(req: Request, state: RequestState, secret: string): string | undefined {
  const { cookie, seenCookie } = state;
  if (state.isCookieDead) return mayClear(req) ? clearingCookie(cookie.variant) : undefined;
  const { session } = req;
  if (state.isStoreDown) return undefined;
  if (!seenCookie.isOutdated || !cookie.isSendable || !session || session.id !== seenCookie.sessionId) return undefined;
  const known = stateOf(session);
  // By its previous id it was read a moment after its renewal: that id must not come back to the browser.
  if (known?.isNew !== false || known.record?.isGrace === true) return undefined;
  const own = session.cookie as unknown as SerializingCookie;
  return own.serialize(cookie.variant.name, signSessionId(session.id, secret));
}

/**
 * The cookie of a session that has ended elsewhere is cleared on navigations, and for clients that are no browsers. A
 * script's request in the background could be overtaken by a log-in, whose new cookie it would erase.
 */
function mayClear(req: Request): boolean {
  const mode = req.headers['sec-fetch-mode'];
  return mode === undefined || mode === 'navigate';
}

/** Gives the line that clears the cookie of an express-session whose session was taken over. */
export function clearingLegacyCookie({ legacyCookieName, cookie: { variant } }: RequestState): string | undefined {
  if (legacyCookieName === undefined || legacyCookieName === variant.name) return undefined;
  return `${legacyCookieName}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly`;
}

/** Holds the lifetime in a `Set-Cookie` line, which handlers may set, to the end of its session. */
export function boundExpiry(line: string, session: Request['session'] | undefined, absoluteMs: number): string {
  const [attribute, date = ''] = /; Expires=([^;]+)/i.exec(line) ?? [];
  const state = session && stateOf(session);
  if (attribute === undefined || !state) return line;
  const endMs = Date.now() + timeLeftMs(state, absoluteMs);
  return Date.parse(date) <= endMs ? line : line.replace(attribute, `; Expires=${new Date(endMs).toUTCString()}`);
}
