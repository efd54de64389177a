import { clearPrefix, createEventSink } from '@sallyport/core';
import type { SessionData } from 'express-session';
import { listDevices, requireUser, revokeDevice, revokeDevices } from './devices.js';
import { SessionMissingError } from './errors.js';
import type { SessionEvent } from './events.js';
import type { SessionOf } from './express-augmentation.js';
import { createFreshGuard, createUserGuard } from './guards.js';
import { logIn, logOut } from './log-in.js';
import { describeSettings } from './session-settings.js';
import { resolveOptions, type SessionsOptions } from './options.js';
import { createSessionMiddleware } from './session-middleware.js';
import { createSessionRepository } from './session-repository.js';
import type { RequestState } from './session-state.js';
import type { Sessions } from './sessions.js';

/**
 * Gives sessions that live in Redis: express-session in the middle, connect-redis' store class below it.
 *
 * @throws {OptionError} when an option is refused
 * @example
 * const sessions = createSessions<{ cart: string[] }>({ redis, secrets: [secret], idleMs: 30 * 60_000 });
 * app.use(sessions.middleware);
 */
export function createSessions<Data extends object = SessionData>(options: SessionsOptions): Sessions<Data> {
  const resolved = resolveOptions(options);
  const { redis, prefix, idleMs, absoluteMs, deadlineMs } = resolved;
  const events = createEventSink<SessionEvent>('session', resolved.onEvent);
  const states = new WeakMap<object, RequestState>();
  const repository = createSessionRepository({
    redis,
    prefix,
    idleMs,
    absoluteMs,
    deadlineMs,
    onFailure: (operation, { reason }) => events.emit({ type: 'store-failure', operation, reason }),
  });
  const context = { repository, events, maxBytes: resolved.maxBytes, requestState: (req: object) => states.get(req) };

  return {
    middleware: createSessionMiddleware({ options: resolved, repository, events, states }),
    of(req) {
      if (!req.session) throw new SessionMissingError();
      return req.session as SessionOf<Data>;
    },
    logIn: (req, userId, { keep = [] } = {}) => logIn(context, req, userId, keep),
    logOut: (req) => logOut(context, req),
    requireUser: () => createUserGuard(context.requestState),
    requireFresh: (fresh) => createFreshGuard(context.requestState, fresh),
    describe: () => describeSettings(resolved),
    list: (userId, currentReq) => listDevices(context, userId, currentReq),
    revoke: (userId, deviceId) => revokeDevice(context, userId, deviceId),
    async revokeOthers(req) {
      const { userId, deviceId } = requireUser(req);
      return revokeDevices(context, userId, deviceId);
    },
    revokeAll: (userId) => revokeDevices(context, userId, undefined),
    clear: () => clearPrefix(redis, prefix),
    close: () => Promise.resolve(),
  };
}
