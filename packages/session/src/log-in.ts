// Log-in and log-out. Both change the id of the session in Redis at once, not at the end of the request: when they have
// resolved, it is so.

import { randomBytes } from 'node:crypto';
import { StoreUnavailableError, type EventSink } from '@sallyport/core';
import type { Request } from 'express';
import type { Session } from 'express-session';
import { deviceLabel } from './device-label.js';
import {
  DeviceLimitError,
  SessionCookieError,
  SessionGoneError,
  SessionIdError,
  SessionMissingError,
} from './errors.js';
import type { SessionEvent } from './events.js';
import { ipPrefix } from './ip-prefix.js';
import type { ResolvedOptions } from './options.js';
import { checkSize } from './session-changes.js';
import { addressOf, bucketOfUser, type PresentedId } from './session-id.js';
import { newSessionId } from './session-middleware.js';
import { encodeFields } from './session-record.js';
import type { SessionRepository } from './session-repository.js';
import { checkUserId } from './user-id.js';
import { adopt, stateOf, type RequestState } from './session-state.js';
import type { Snapshots } from './snapshots.js';

/** What log-in and log-out work on. */
export interface LogInContext {
  readonly options: ResolvedOptions;
  readonly repository: SessionRepository;
  readonly snapshots: Snapshots | undefined;
  readonly events: EventSink<SessionEvent>;
  readonly requestState: (req: object) => RequestState | undefined;
}

/** Replaces the request's session by a new one that belongs to `userId`; `sessions.logIn()` says how. */
export async function logIn(
  context: LogInContext,
  req: Request,
  userId: string,
  keep: readonly string[],
): Promise<void> {
  const { options, repository, events } = context;
  checkUserId(userId);
  const request = requireRequest(context, req);
  if (!request.cookie.isSendable) throw new SessionCookieError('insecure');
  if (request.res.headersSent) throw new SessionCookieError('headers-sent');

  // Only what is named comes along: what an attacker put into the anonymous session does not.
  const old = req.session as Session | undefined;
  const keptData = Object.fromEntries(Object.entries(old ?? {}).filter(([name]) => keep.includes(name)));
  const stored = encodeFields(keptData);
  if (old) checkSize(stored, old, options.maxBytes);
  const sessionId = newSessionId(req, bucketOfUser(userId), options.genid);
  const address = addressOf(sessionId);
  if (address === undefined) throw new SessionMissingError();
  const replaced = storedAddress(req);
  const { deviceId } = address;
  const place = { label: deviceLabel(req.headers['user-agent']), ipPrefix: ipPrefix(req.ip) };
  const { status, evicted, otherSessionCount } = await repository.logIn(
    {
      address,
      userId,
      ...place,
      kept: [...stored].flatMap(([name, json]) => [`.${name}`, json]),
      replaced: replaced && { address: replaced, userId: old && stateOf(old)?.userId },
      token: options.genid === undefined ? undefined : randomBytes(4).toString('hex'),
    },
    request,
  );
  for (const evictedId of evicted) events.emit({ type: 'evicted', userId, deviceId: evictedId });
  if (status === 'gone') {
    events.emit({ type: 'gone', deviceId: replaced?.deviceId ?? deviceId });
    throw new SessionGoneError();
  }
  if (status === 'limit') throw new DeviceLimitError(options.maxDeviceCount ?? 0);
  if (status === 'taken') throw new SessionIdError('an id that another session has');

  if (replaced !== undefined) context.snapshots?.forget(replaced.deviceId);
  request.nextId = sessionId;
  request.needsStepUp = false;
  req.sessionStore.generate(req);
  Object.assign(req.session, keptData);
  adopt(req.session, { request, userId, isNew: false, stored });
  events.emit({ type: 'logged-in', userId, deviceId, ...place, otherSessionCount });
}

/** Ends the request's session and gives it a new, empty one; `sessions.logOut()` says how. */
export async function logOut(context: LogInContext, req: Request): Promise<void> {
  const { repository, events, snapshots } = context;
  const request = requireRequest(context, req);
  const address = storedAddress(req);
  const userId = req.session ? stateOf(req.session)?.userId : undefined;
  if (address !== undefined) {
    await repository.end(address, userId, 'log-out', request);
    snapshots?.forget(address.deviceId);
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
export function storedAddress(req: Request): PresentedId | undefined {
  if (!req.session || stateOf(req.session)?.isNew !== false) return undefined;
  return addressOf(req.session.id);
}
