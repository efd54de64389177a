// Decides what becomes of a session when its response begins: saved, refused, or left out of sight of express-session,
// which would otherwise save it and set a cookie by rules of its own.

import { CoreError, sendProblem, type EventSink } from '@sallyport/core';
import type { Request } from 'express';
import type { ResponseCommit } from './commit-before-headers.js';
import { boundCookieLifetime } from './cookie-upkeep.js';
import { SessionCookieError, SessionDataError } from './errors.js';
import type { SessionEvent } from './events.js';
import { compareFields, encodeFields } from './session-record.js';
import { stateOf, type RequestState } from './session-state.js';

/** Until then a client waits before it asks again (RFC 9110 §10.2.3): the breaker looks four times a second. */
export const RETRY_AFTER_SECONDS = 1;

/** Headers that describe the body that is being replaced, or that only its success would justify. */
const REPLACED_HEADERS = /^(?:content-.*|etag|last-modified|location|set-cookie|accept-ranges|cache-control|expires)$/;

/** Gives the part of the response's life that concerns its session. */
export function createResponseCommit(
  req: Request,
  state: RequestState,
  events: EventSink<SessionEvent>,
  warnInsecure: () => void,
): ResponseCommit {
  let isAbandoned = false;

  function hide(): void {
    // express-session leaves a session alone whose id is not a string; handlers keep `req.session`.
    Reflect.set(req, 'sessionID', undefined);
  }

  function isNeeded(): boolean {
    const { session } = req;
    if (isAbandoned || !session) return false;
    const isUnsendable = !state.cookie.isSendable && stateOf(session)?.isNew !== false;
    return !isUnsendable && hasChanged(session);
  }

  async function run(hasCookie: boolean): Promise<void> {
    const { session } = req;
    if (!hasCookie && stateOf(session)?.isNew !== false) {
      // Saved, it would be a session that nobody can ever use.
      events.emit({ type: 'not-saved', reason: 'headers-sent' });
      return hide();
    }
    try {
      // Throws here, and not inside express-session's own hashing, when a property is no JSON.
      encodeFields(session);
      await new Promise<void>((resolve, reject) => {
        session.save((error: unknown) => (error ? reject(error) : resolve()));
      });
    } catch (error) {
      isAbandoned = true;
      throw error;
    }
  }

  function settle(): void {
    const { session } = req;
    if (!session) return;
    boundCookieLifetime(session);
    if (stateOf(session)?.isNew === false) return;
    const isEmpty = !hasChanged(session);
    if (!isEmpty && !state.cookie.isSendable) {
      events.emit({ type: 'not-saved', reason: 'insecure' });
      warnInsecure();
    }
    // A new session without data is none, even after regenerate() or a log-out.
    if (isEmpty || state.isStoreDown) hide();
  }

  function refuse(error: unknown): void {
    isAbandoned = true;
    hide();
    answerFailure(req, state.res, error);
  }

  return { isNeeded, run, settle, refuse };
}

/** Answers in place of the handler: 503 for a sick Redis, 409 for an ended session, 500 for data that cannot be stored. */
export function answerFailure(req: Request, res: RequestState['res'], error: unknown): void {
  for (const name of res.getHeaderNames()) if (REPLACED_HEADERS.test(name)) res.removeHeader(name);
  res.statusMessage = '';
  const status = error instanceof CoreError ? (error.status ?? 500) : 500;
  if (status === 503) res.setHeader('Retry-After', RETRY_AFTER_SECONDS);
  sendProblem(req, res, { status, title: TITLES[status] ?? 'Internal Server Error' });
}

const TITLES: Record<number, string> = {
  409: 'The session ended while the request was being handled',
  500: 'The session could not be stored',
  503: 'Sessions are not available at the moment',
};

/** Whether a session differs from what Redis holds; one that cannot be encoded does. */
function hasChanged(session: object): boolean {
  try {
    return compareFields(stateOf(session)?.stored ?? new Map(), encodeFields(session)) !== undefined;
  } catch (error) {
    if (error instanceof SessionDataError) return true;
    throw error;
  }
}

/** Gives a function that warns once, with the mend. */
export function createInsecureWarning(): () => void {
  let hasWarned = false;
  return () => {
    if (hasWarned) return;
    hasWarned = true;
    process.emitWarning(`@sallyport/session: ${new SessionCookieError('insecure').message}.`, 'SallyportWarning');
  };
}
