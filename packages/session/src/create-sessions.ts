import { clearPrefix, createEventSink } from '@sallyport/core';
import type { SessionData } from 'express-session';
import { listDevices, requireUser, revokeDevice, revokeDevices, revokeEveryone } from './devices.js';
import { encryptRepository } from './encrypted-repository.js';
import { SessionMissingError } from './errors.js';
import type { SessionEvent } from './events.js';
import type { SessionOf } from './express-augmentation.js';
import { createFreshGuard, createUserGuard } from './guards.js';
import { logIn, logOut } from './log-in.js';
import { resolveOptions, type SessionsOptions } from './options.js';
import { addressOf } from './session-id.js';
import { describeSettings } from './session-settings.js';
import { createSessionMiddleware } from './session-middleware.js';
import { createSessionRepository, type RepositoryOptions } from './session-repository.js';
import type { RequestState } from './session-state.js';
import { createUpdater } from './session-update.js';
import type { Sessions } from './sessions.js';
import { Snapshots } from './snapshots.js';
import { createStats } from './stats.js';
import { createWatcher } from './watch.js';

/**
 * Gives sessions that live in Redis: express-session in the middle, connect-redis' store class below it.
 *
 * @throws {OptionError} when an option is refused
 * @example
 * const sessions = createSessions<{ cart: string[] }>({ redis, secrets: [secret], idleMs: 30 * 60_000 });
 * app.use(sessions.middleware);
 */
export function createSessions<Data extends object = SessionData>(given: SessionsOptions): Sessions<Data> {
  const options = resolveOptions(given);
  const { redis, prefix, idleMs, maxBytes, onStoreFailure } = options;
  const stats = createStats();
  const sink = createEventSink<SessionEvent>('session', options.onEvent);
  const events = {
    get isActive() {
      return sink.isActive;
    },
    // Counted whether anybody listens or not.
    emit(event: SessionEvent) {
      stats.count(event);
      sink.emit(event);
    },
  };
  const states = new WeakMap<object, RequestState>();
  const snapshots =
    onStoreFailure === 'readonly' || typeof onStoreFailure === 'function' ? new Snapshots(idleMs) : undefined;
  const onFailure: RepositoryOptions['onFailure'] = (operation, { reason }) =>
    events.emit({ type: 'store-failure', operation, reason });
  const repository = encryptRepository(createSessionRepository({ ...options, onFailure }), prefix, options.encryption);
  const context = { options, repository, events, snapshots, requestState: (req: object) => states.get(req) };
  const update = createUpdater({ repository, events, maxBytes, snapshots });
  const watcher = createWatcher({
    redis,
    repository,
    everyMs: options.watchEveryMs,
    onEnd: (deviceId) => snapshots?.forget(deviceId),
  });

  return {
    middleware: createSessionMiddleware({ ...context, states, update }),
    of(req) {
      if (!req.session) throw new SessionMissingError();
      return req.session as SessionOf<Data>;
    },
    logIn: (req, userId, { keep = [] } = {}) => logIn(context, req, userId, keep),
    logOut: (req) => logOut(context, req),
    requireUser: () => createUserGuard(context.requestState),
    requireFresh: (fresh) => createFreshGuard(context.requestState, options.absoluteMs, fresh),
    describe: () => describeSettings(options),
    list: (userId, currentReq) => listDevices(context, userId, currentReq),
    revoke: (userId, deviceId) => revokeDevice(context, userId, deviceId),
    async revokeOthers(req) {
      const { userId, deviceId } = requireUser(req);
      return revokeDevices(context, userId, deviceId);
    },
    revokeAll: (userId) => revokeDevices(context, userId, undefined),
    revokeEveryone: () => revokeEveryone(context),
    watch(sessionId) {
      const address = typeof sessionId === 'string' ? addressOf(sessionId) : undefined;
      if (address === undefined) throw new SessionMissingError();
      return watcher.watch(address);
    },
    stats: () => stats.read(),
    clear: () => clearPrefix(redis, prefix),
    close() {
      watcher.close();
      return Promise.resolve();
    },
  };
}
