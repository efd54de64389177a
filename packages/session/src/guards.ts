// Middleware that lets a request pass by what its session is: logged in, or logged in lately. Answers the others itself.

import { checkOptions, integer, sendProblem, StoreUnavailableError } from '@sallyport/core';
import type { Request, RequestHandler, Response } from 'express';
import { SessionMissingError } from './errors.js';
import { answerFailure } from './refusal.js';
import { logInAgeMs } from './session-origin.js';
import { stateOf, type RequestState } from './session-state.js';

export interface FreshOptions {
  /** How long ago the log-in of this session may be, in milliseconds. */
  readonly maxAgeMs: number;
}

/** Why a guard refuses: nobody is logged in, the log-in is too old, or the session is used from elsewhere. */
export type GuardReason = 'anonymous' | 'stale' | 'step-up';

const TITLES: Record<GuardReason, string> = {
  anonymous: 'Log in first',
  stale: 'Log in again: the last time is too long ago',
  'step-up': 'Log in again: the session is used from another browser or network',
};

type StateOfRequest = (req: object) => RequestState | undefined;

/** Lets logged-in requests pass. */
export function createUserGuard(requestState: StateOfRequest): RequestHandler {
  return function requireUser(req, res, next) {
    guard(requestState, req, res, next, true, () => undefined);
  };
}

/** @throws {OptionError} when `maxAgeMs` is no positive integer */
export function createFreshGuard(
  requestState: StateOfRequest,
  absoluteMs: number,
  options: FreshOptions,
): RequestHandler {
  const { maxAgeMs } = checkOptions('session', options, { maxAgeMs: integer(1) });
  return function requireFresh(req, res, next) {
    guard(requestState, req, res, next, false, () => {
      const state = stateOf(req.session);
      if (requestState(req)?.needsStepUp === true) return { reason: 'step-up', maxAgeMs };
      return state === undefined || logInAgeMs(state, absoluteMs) > maxAgeMs
        ? { reason: 'stale', maxAgeMs }
        : undefined;
    });
  };
}

function guard(
  requestState: StateOfRequest,
  req: Request,
  res: Response,
  next: (error?: unknown) => void,
  maySeeSnapshot: boolean,
  findReason: () => { reason: GuardReason; maxAgeMs: number } | undefined,
): void {
  const request = requestState(req);
  if (request === undefined) return next(new SessionMissingError());
  if (request.isStoreDown && !(maySeeSnapshot && stateOf(req.session)?.isNew === false)) {
    // Nobody knows who this is: that is no reason to send a user to the log-in page.
    const error = new StoreUnavailableError('session', 'disconnected', 'the session of this request could not be read');
    return answerFailure(req, res, error);
  }
  const isUser = req.session && stateOf(req.session)?.userId !== undefined;
  const refusal = isUser ? findReason() : { reason: 'anonymous' as const };
  if (refusal === undefined) return next();
  // RFC 9110 §15.5.2: a 401 names a scheme. Cookies have no registered one; this is the name that is in use.
  res.setHeader('WWW-Authenticate', `Cookie cookie-name="${request.cookie.variant.name}"`);
  sendProblem(req, res, { status: 401, title: TITLES[refusal.reason], ...refusal });
}
