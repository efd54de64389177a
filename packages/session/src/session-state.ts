// What is known about a session or a request beside what express-session keeps: held in WeakMaps, so that nothing shows
// up in `req.session` and nothing has to be cleaned up.

import type { Response } from 'express';
import session from 'express-session';
import { UserIdError } from './errors.js';
import type { CookieChoice } from './request-cookie.js';
import type { SessionFields } from './session-record.js';
import type { LogInPlace } from './binding.js';
import type { SignedCookie } from './signed-cookie.js';

/** One request, as the session middleware sees it. */
export interface RequestState {
  readonly res: Response;
  readonly cookie: CookieChoice;
  /** What the request's cookies say. */
  readonly seenCookie: SignedCookie;
  /** The session could not be read and the policy is `anonymous`: whatever the request changes cannot be kept. */
  isStoreDown: boolean;
  /** The session that the cookie names was ended by this request: the cookie has to go. */
  hasEnded: boolean;
  /** The cookie is well signed and names a session that has ended elsewhere. */
  isCookieDead: boolean;
  /** The id that the next generated session gets. */
  nextId: string | undefined;
}

/** One `req.session` object. */
export interface SessionState {
  readonly request: RequestState | undefined;
  readonly userId: string | undefined;
  /** Where it was logged in, and the network that it was used from last. */
  readonly place?: LogInPlace & { readonly lastIpPrefix: string };
  /** When it was logged in, by `performance.now()`. */
  readonly loggedInAt?: number;
  /** When it has to end, by the local clock: bounds the cookie. */
  readonly endMs?: number;
  /** It is used from elsewhere, and its user has to log in again before what matters. */
  needsStepUp?: boolean;
  /** True until Redis holds it. */
  isNew: boolean;
  /** What Redis holds, as far as this process knows. */
  stored: SessionFields;
}

const sessionStates = new WeakMap<object, SessionState>();

/** What is known about a session; `undefined` for an object that is none of ours. */
export function stateOf(sessionObject: object): SessionState | undefined {
  return sessionStates.get(sessionObject);
}

/** Takes a session object that express-session made into our keeping. */
export function adopt(sessionObject: object, state: SessionState): void {
  sessionStates.set(sessionObject, state);
  Object.defineProperty(sessionObject, 'userId', {
    configurable: true,
    enumerable: false,
    get: () => state.userId,
    set() {
      throw new UserIdError('req.session.userId cannot be assigned: call logIn(req, userId), which gives a new id too');
    },
  });
  Object.defineProperty(sessionObject, 'destroy', {
    configurable: true,
    enumerable: false,
    writable: true,
    value(this: session.Session, callback?: (error: unknown) => void) {
      return session.Session.prototype.destroy.call(this, (error: unknown) => {
        if (!error && state.request !== undefined) state.request.hasEnded = true;
        callback?.(error);
      });
    },
  });
}
