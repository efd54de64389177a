// What is known about a session or a request beside what express-session keeps: held in WeakMaps, so that nothing shows
// up in `req.session` and nothing has to be cleaned up.

import type { Response } from 'express';
import type { Session } from 'express-session';
import { UserIdError } from './errors.js';
import type { CookieChoice } from './request-cookie.js';
import type { PresentedId } from './session-id.js';
import type { SessionFields, SessionRecord } from './session-record.js';
import type { SignedCookie } from './signed-cookie.js';
import type { WaitBudget } from './wait-budget.js';

/** A request without a past. */
export function newRequestState(
  res: Response,
  cookie: CookieChoice,
  seenCookie: SignedCookie,
  isTouching: boolean,
): RequestState {
  return {
    res,
    cookie,
    seenCookie,
    isTouching,
    legacyCookieName: undefined,
    isCookieDead: false,
    needsStepUp: false,
    waitedMs: 0,
    isStoreDown: false,
    hasEnded: false,
    isReady: false,
    nextId: undefined,
    lastSession: undefined,
    isForced: false,
    renewal: undefined,
    issuedId: undefined,
  };
}

/** One request, as the session middleware sees it. */
export interface RequestState extends WaitBudget {
  readonly res: Response;
  readonly cookie: CookieChoice;
  /** What the request's cookies say. */
  seenCookie: SignedCookie;
  /** The cookie of express-session that the request came with, when its session is taken over. */
  legacyCookieName: string | undefined;
  /** The cookie is well signed and names a session that has ended elsewhere. */
  isCookieDead: boolean;
  /** The session is used from elsewhere, and its user has to log in again before what matters. */
  needsStepUp: boolean;
  /** Whether the request extends the idle time, as far as it does not change the session. */
  readonly isTouching: boolean;
  /** The session could not be read and the policy lets the request go on: whatever it changes cannot be kept. */
  isStoreDown: boolean;
  /** The session that the cookie names has ended: the cookie has to go. */
  hasEnded: boolean;
  /** express-session has given the request its session. */
  isReady: boolean;
  /** The id that the next generated session gets. */
  nextId: string | undefined;
  /** The session that the request had last, whatever became of `req.session`. */
  lastSession: Session | undefined;
  /** A commit writes although nothing changed. */
  isForced: boolean;
  /** The id that this request's commit gives to the session. */
  renewal: Renewal | undefined;
  /** The id that the response's cookie has to have, also where express-session would set none. */
  issuedId: string | undefined;
}

/** A session's present id and the one that follows it. */
export interface Renewal {
  readonly from: PresentedId;
  readonly to: PresentedId;
  readonly sessionId: string;
}

/** One `req.session` object. */
export interface SessionState {
  readonly request: RequestState | undefined;
  readonly userId: string | undefined;
  /** True until Redis holds it. */
  isNew: boolean;
  /** What Redis holds, as far as this process knows. */
  stored: SessionFields;
  /** The version of what is `stored`, or '' when it has none. */
  version: string;
  /** The idle limit of its own that Redis holds. */
  maxAgeMs: number | undefined;
  /** `cookie.originalMaxAge` as it was when nobody had changed it. */
  readonly usualMaxAge: number | null;
  /** As it was read; `undefined` for a session that began in this request. */
  readonly record: SessionRecord | undefined;
  /** When it was read, by the process's own monotonic clock. */
  readonly readAt: number;
}

const sessionStates = new WeakMap<object, SessionState>();

/** What is known about a session; `undefined` for an object that is none of ours. */
export function stateOf(sessionObject: object): SessionState | undefined {
  return sessionStates.get(sessionObject);
}

/** Takes a session object that express-session made into our keeping. */
export function adopt(
  sessionObject: Session,
  known: Pick<SessionState, 'request' | 'userId' | 'isNew'> & Partial<SessionState>,
): void {
  const usualMaxAge = sessionObject.cookie?.originalMaxAge ?? null;
  const blank = { stored: new Map(), version: '', maxAgeMs: undefined, usualMaxAge, record: undefined };
  const state = { ...blank, readAt: performance.now(), ...known };
  sessionStates.set(sessionObject, state);
  if (known.request !== undefined) known.request.lastSession = sessionObject;
  lockNames(sessionObject);
  Object.defineProperty(sessionObject, 'userId', {
    configurable: true,
    enumerable: false,
    get: () => state.userId,
    set() {
      throw new UserIdError('req.session.userId cannot be assigned: call logIn(req, userId), which gives a new id too');
    },
  });
}

/**
 * Keeps handlers that take a property's name from a client (`session[name] = value`) from replacing what express-session
 * uses when the response ends: it would throw there, where nobody can answer any more, and the request would hang.
 */
function lockNames(sessionObject: Session): void {
  for (const name of ['touch', 'resetMaxAge', 'cookie'] as const) {
    const isData = name === 'cookie';
    Object.defineProperty(sessionObject, name, { value: sessionObject[name], configurable: true, enumerable: isData });
  }
  // An own property in place of the setter that would replace the prototype. Not enumerable: it is never stored.
  Object.defineProperty(sessionObject, '__proto__', { value: undefined, configurable: true, writable: true });
}
