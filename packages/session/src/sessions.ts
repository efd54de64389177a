// The handle that `createSessions()` gives.

import type { Request, RequestHandler } from 'express';
import type { Device } from './devices.js';
import type { FreshOptions } from './guards.js';
import type { SessionSettings } from './session-settings.js';
import type { SessionOf } from './express-augmentation.js';
import type { SessionStats } from './stats.js';
import type { SessionWatch } from './watch.js';

/** Settings of one log-in. */
export interface LogInOptions<Data extends object> {
  /** Properties of the anonymous session that come along; all others are dropped. @default none */
  readonly keep?: readonly (keyof Data & string)[];
}

/** Sessions for Express. Calls to Redis reject with StoreUnavailableError (status 503) within the deadline. */
export interface Sessions<Data extends object> {
  /** Gives `req.session` to what is mounted after it. */
  readonly middleware: RequestHandler;
  /**
   * Gives `req.session` typed as `Data`.
   *
   * @throws {SessionMissingError} when the request has no session
   */
  of(req: Request): SessionOf<Data>;
  /**
   * Gives the request a new session that belongs to `userId`; its old id is dead at once. Resolves when Redis has it.
   *
   * @throws {SessionCookieError} when the response can carry no cookie
   * @throws {UserIdError} when `userId` is no string of 1 to 512 characters
   */
  logIn(req: Request, userId: string, options?: LogInOptions<Data>): Promise<void>;
  /** Ends the session and clears the cookie; `req.session` is a new, empty one. Resolves when Redis has forgotten it. */
  logOut(req: Request): Promise<void>;
  /** Gives middleware that answers 401 to requests of which no user is logged in, as problem details (RFC 9457). */
  requireUser(): RequestHandler;
  /**
   * Gives middleware that answers 401 unless this session was logged in at most `maxAgeMs` ago, for what matters: changing
   * a password, paying. The problem's `reason` is `anonymous`, `stale` or `step-up`.
   *
   * @throws {OptionError} when `maxAgeMs` is no positive integer
   */
  requireFresh(options: FreshOptions): RequestHandler;
  /** Gives the limits and the cookie as they are in effect, for documentation and audits. */
  describe(): SessionSettings;
  /** Gives a user's live sessions, the newest first; the one of `currentReq` is marked. */
  list(userId: string, currentReq?: Request): Promise<Device[]>;
  /** Ends one session of a user; `false` when this user has no such session. */
  revoke(userId: string, deviceId: string): Promise<boolean>;
  /**
   * Ends the other sessions of the request's user; gives how many.
   *
   * @throws {NotLoggedInError} when the request's session belongs to no user
   */
  revokeOthers(req: Request): Promise<number>;
  /** Ends all sessions of a user, at once; gives how many. */
  revokeAll(userId: string): Promise<number>;
  /** Ends all sessions of all users; costs the same however many there are. Resolves when it holds everywhere. */
  revokeEveryone(): Promise<void>;
  /**
   * Tells when the session ends, for what outlives a request: `watch(req.session.id).signal` closes a socket.
   *
   * @throws {SessionMissingError} when `sessionId` is none
   */
  watch(sessionId: string): SessionWatch;
  /** Gives how often each event has happened in this process. */
  stats(): SessionStats;
  /** Removes all keys under the prefix by SCAN: for administration. Gives how many. */
  clear(): Promise<number>;
  /** Stops watching. The Redis client stays open. */
  close(): Promise<void>;
}
