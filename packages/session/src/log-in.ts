// Log-in and log-out. Both change the id of the session in Redis at once, not at the end of the request: when they have
// resolved, it is so.

import { StoreUnavailableError, type EventSink } from '@sallyport/core';
import type { Request } from 'express';
import { deviceLabel } from './device-label.js';
import { SessionCookieError, SessionMissingError, UserIdError } from './errors.js';
import type { SessionEvent } from './events.js';
import { ipPrefix } from './ip-prefix.js';
import { addressOf, bucketOfUser, createSessionId, type SessionAddress } from './session-id.js';
import { encodeFields } from './session-record.js';
import type { SessionRepository } from './session-repository.js';
import { findOversize } from './session-size.js';
import { adopt, stateOf, type RequestState } from './session-state.js';

/** What log-in and log-out work on. */
export interface LogInContext {
  readonly repository: SessionRepository;
  readonly events: EventSink<SessionEvent>;
  readonly maxBytes: number;
  readonly requestState: (req: object) => RequestState | undefined;
}

/** @throws {UserIdError} when `userId` cannot name a user */
export function checkUserId(userId: unknown): asserts userId is string {
  if (typeof userId !== 'string') throw new UserIdError(`A user id must be a string, got ${typeof userId}`);
  if (userId.length < 1 || userId.length > 512 || !userId.isWellFormed()) {
    throw new UserIdError(`A user id must have 1 to 512 characters of well-formed text, got ${userId.length}`);
  }
}

/** Replaces the request's session by a new one that belongs to `userId`; `sessions.logIn()` says how. */
export async function logIn(
  context: LogInContext,
  req: Request,
  userId: string,
  keep: readonly string[],
): Promise<void> {
  const { repository, events } = context;
  checkUserId(userId);
  const request = requireRequest(context, req);
  if (!request.cookie.isSendable) throw new SessionCookieError('insecure');
  if (request.res.headersSent) throw new SessionCookieError('headers-sent');

  // Only what is named comes along: what an attacker put into the anonymous session does not.
  const old: object = req.session ?? {};
  const keptData = Object.fromEntries(Object.entries(old).filter(([name]) => keep.includes(name)));
  const stored = encodeFields(keptData);
  const tooLarge = findOversize(stored, context.maxBytes);
  if (tooLarge !== undefined) throw tooLarge;
  const sessionId = createSessionId(bucketOfUser(userId));
  const address = addressOf(sessionId);
  if (address === undefined) throw new SessionMissingError();
  const place = { label: deviceLabel(req.headers['user-agent']), ipPrefix: ipPrefix(req.ip) };
  await repository.logIn({
    address,
    userId,
    ...place,
    kept: [...stored].flatMap(([name, json]) => [`.${name}`, json]),
    replaced: storedAddress(req),
  });

  request.nextId = sessionId;
  req.sessionStore.generate(req);
  Object.assign(req.session, keptData);
  adopt(req.session, {
    request,
    userId,
    isNew: false,
    stored,
    place: { ...place, lastIpPrefix: place.ipPrefix },
    loggedInAt: performance.now(),
  });
  events.emit({ type: 'logged-in', userId, deviceId: address.deviceId });
}

/** Ends the request's session and gives it a new, empty one; `sessions.logOut()` says how. */
export async function logOut(context: LogInContext, req: Request): Promise<void> {
  const { repository, events } = context;
  const request = requireRequest(context, req);
  const address = storedAddress(req);
  const userId = req.session ? stateOf(req.session)?.userId : undefined;
  if (address !== undefined) {
    await repository.end(address, userId, 'log-out');
    events.emit({ type: 'logged-out', userId, deviceId: address.deviceId });
  }
  request.hasEnded = true;
  req.sessionStore.generate(req);
}

/**
 * @throws {SessionMissingError} when the middleware did not run
 * @throws {StoreUnavailableError} when the session could not be read: what it is cannot be known, so it cannot be ended
 */
function requireRequest({ requestState }: LogInContext, req: Request): RequestState {
  const request = requestState(req);
  if (request === undefined) throw new SessionMissingError();
  if (request.isStoreDown) {
    throw new StoreUnavailableError('session', 'disconnected', 'the session of this request could not be read');
  }
  return request;
}

/** Where the request's session is in Redis, if it is there. */
export function storedAddress(req: Request): SessionAddress | undefined {
  if (!req.session || stateOf(req.session)?.isNew !== false) return undefined;
  return addressOf(req.session.id);
}
