// Decides what becomes of a session when its response begins: saved, given a new id, ended, refused, or left out of sight
// of express-session, which would otherwise save it and set a cookie by rules of its own.

import type { EventSink } from '@sallyport/core';
import type { Request } from 'express';
import type { ResponseCommit } from './commit-before-headers.js';
import { SessionCookieError, SessionGoneError } from './errors.js';
import type { SessionEvent } from './events.js';
import { dueRenewal, missedRenewal } from './id-renewal.js';
import type { ResolvedOptions } from './options.js';
import { answerFailure } from './refusal.js';
import { hasChanged } from './session-changes.js';
import { addressOf } from './session-id.js';
import { encodeFields } from './session-record.js';
import type { SessionRepository } from './session-repository.js';
import { stateOf, type RequestState } from './session-state.js';

/** What the commits of all responses share. */
export interface CommitParts {
  readonly options: ResolvedOptions;
  readonly repository: SessionRepository;
  readonly events: EventSink<SessionEvent>;
  readonly warnInsecure: () => void;
}

/** Gives the part of the response's life that concerns its session. */
export function createResponseCommit(req: Request, state: RequestState, parts: CommitParts): ResponseCommit {
  const { options, repository, events, warnInsecure } = parts;
  const { resave, saveUninitialized, unset, onGone, renewalMs } = options;
  const [secret = ''] = options.secrets;
  let isAbandoned = false;

  function hide(): void {
    // express-session leaves a session alone whose id is not a string; handlers keep `req.session`.
    Reflect.set(req, 'sessionID', undefined);
  }

  /** The stored session that the handler took away, where that means to end it. */
  function unsetSession(): { deviceId: string; bucket: string; userId: string | undefined } | undefined {
    const { session, lastSession } = { session: req.session as unknown, lastSession: state.lastSession };
    if (unset !== 'destroy' || session || state.hasEnded || lastSession === undefined) return undefined;
    const known = stateOf(lastSession);
    const address = addressOf(lastSession.id);
    return known?.isNew === false && address ? { ...address, userId: known.userId } : undefined;
  }

  /** Polling that extends nothing renews nothing either: a commit would extend. */
  function renewal(hasCookie: boolean) {
    const mayRenew = hasCookie && state.isTouching && state.cookie.isSendable && !state.isStoreDown;
    return mayRenew ? dueRenewal(req.session, renewalMs, secret) : undefined;
  }

  function isNeeded(hasCookie: boolean): boolean {
    const { session } = req;
    if (isAbandoned) return false;
    if (!session) return unsetSession() !== undefined;
    const isNew = stateOf(session)?.isNew !== false;
    if (isNew && !state.cookie.isSendable) return false;
    const isForced = !state.isStoreDown && hasCookie && (isNew ? saveUninitialized : resave && state.isTouching);
    return isForced || renewal(hasCookie) !== undefined || hasChanged(session);
  }

  async function save(hasCookie: boolean): Promise<void> {
    const { session } = req;
    // Throws here, and not inside express-session's own hashing, when a property is no JSON.
    encodeFields(session);
    state.isForced =
      hasCookie &&
      !state.isStoreDown &&
      (stateOf(session)?.isNew === false ? resave && state.isTouching : saveUninitialized);
    state.renewal = renewal(hasCookie);
    try {
      await new Promise<void>((resolve, reject) => {
        session.save((error: unknown) => (error ? reject(error) : resolve()));
      });
    } finally {
      state.isForced = false;
      state.renewal = undefined;
    }
    if (state.issuedId !== undefined) Reflect.set(req, 'sessionID', state.issuedId);
  }

  async function endUnset(): Promise<void> {
    const taken = unsetSession();
    if (taken === undefined) return;
    const { userId, deviceId } = taken;
    if (await repository.end(taken, userId, 'destroy', state)) events.emit({ type: 'destroyed', userId, deviceId });
    state.hasEnded = true;
  }

  async function run(hasCookie: boolean): Promise<void> {
    const { session } = req;
    try {
      if (!session) return await endUnset();
      if (!hasCookie && stateOf(session)?.isNew !== false) {
        // Saved, it would be a session that nobody can ever use.
        events.emit({ type: 'not-saved', reason: 'headers-sent' });
        return hide();
      }
      await save(hasCookie);
    } catch (error) {
      isAbandoned = true;
      if (onGone !== 'discard' || !(error instanceof SessionGoneError)) throw error;
      // The response goes out as it is; its browser has no session any more.
      state.hasEnded = true;
      hide();
    }
  }

  function settle(): void {
    const { session } = req;
    if (!session) return;
    if (state.isStoreDown) return hide();
    const known = stateOf(session);
    if (known?.isNew === false) {
      if (known.record?.isGrace === true) settleGrace();
      // Due and not renewed here: another request may have done it, and its cookie must not be set back.
      else if (state.issuedId === undefined && dueRenewal(session, renewalMs, secret) !== undefined) hide();
      return;
    }
    const isEmpty = !saveUninitialized && !hasChanged(session);
    if (!isEmpty && !state.cookie.isSendable) {
      events.emit({ type: 'not-saved', reason: 'insecure' });
      warnInsecure();
    }
    // A new session without data is none, even after regenerate() or a log-out.
    if (isEmpty || !state.cookie.isSendable) hide();
  }

  /** The browser may have the present id already: the previous one must not come back to it. */
  function settleGrace(): void {
    if (state.issuedId !== undefined) return;
    const missed = state.cookie.isSendable ? missedRenewal(req.session, secret) : undefined;
    if (missed === undefined) return hide();
    state.issuedId = missed.sessionId;
    Reflect.set(req, 'sessionID', missed.sessionId);
  }

  function refuse(error: unknown): void {
    isAbandoned = true;
    hide();
    state.issuedId = undefined;
    const isGone = error instanceof SessionGoneError && onGone === 'unauthorized';
    if (isGone) {
      state.hasEnded = true;
      // RFC 9110 §15.5.2: as the guards do.
      state.res.setHeader('WWW-Authenticate', `Cookie cookie-name="${state.cookie.variant.name}"`);
    }
    answerFailure(req, state.res, error, isGone ? 401 : undefined);
  }

  return { isNeeded, run, settle, refuse };
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
