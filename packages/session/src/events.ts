import type { StoreFailure } from '@sallyport/core';

/** What a call to Redis was for. */
export type SessionOperation =
  | 'read'
  | 'commit'
  | 'update'
  | 'log-in'
  | 'log-out'
  | 'destroy'
  | 'list'
  | 'revoke'
  | 'watch'
  | 'note-network'
  | 'reseal'
  | 'take-over';

/**
 * What happened to a session. Events go to `onEvent` and to the diagnostics channel `sallyport:session`. They name a
 * session by its device id, which is a hash: no event holds anything that works as a session id.
 */
export type SessionEvent =
  /** The first data of an anonymous session was saved. */
  | { readonly type: 'created'; readonly deviceId: string }
  /** Has what a notice to the user needs: where, and how many other live sessions there are (of the newest hundred). */
  | {
      readonly type: 'logged-in';
      readonly userId: string;
      readonly deviceId: string;
      readonly label: string;
      readonly ipPrefix: string;
      readonly otherSessionCount: number;
    }
  | { readonly type: 'logged-out'; readonly userId: string | undefined; readonly deviceId: string }
  /** `req.session.destroy()`, `regenerate()`, or the end of a request that took `req.session` away (`unset`). */
  | { readonly type: 'destroyed'; readonly userId: string | undefined; readonly deviceId: string }
  | { readonly type: 'revoked'; readonly userId: string; readonly deviceId: string }
  /** Ended because its user logged in on one device more than `maxDeviceCount`. */
  | { readonly type: 'evicted'; readonly userId: string; readonly deviceId: string }
  /** All sessions of all users were ended. */
  | { readonly type: 'everyone-revoked' }
  /** The session goes on under a new id. */
  | { readonly type: 'renewed'; readonly userId: string | undefined; readonly deviceId: string }
  /** An id was used that had been renewed longer ago than the grace window: somebody has a copy of the cookie. */
  | { readonly type: 'replay'; readonly deviceId: string; readonly hasEnded: boolean }
  /** A well-signed cookie named a session that is not there: idle too long, revoked, or never issued. */
  | { readonly type: 'unknown'; readonly deviceId: string }
  /** A session was refused and removed because its absolute lifetime is over. */
  | { readonly type: 'expired'; readonly deviceId: string }
  /** A session was refused and removed because all were revoked after it began. */
  | { readonly type: 'outdated'; readonly deviceId: string }
  /** What Redis held was not a session; it was removed and the request is anonymous. */
  | { readonly type: 'corrupt'; readonly deviceId: string }
  /** A session is encrypted, and no key of the ring has encrypted it; it was left alone and the request is anonymous. */
  | { readonly type: 'unreadable'; readonly deviceId: string }
  /** A session of connect-redis was taken over (`migrateFrom`). */
  | { readonly type: 'taken-over'; readonly userId: string | undefined; readonly deviceId: string }
  /** A request wanted to write to a session that another one had ended; nothing was written. */
  | { readonly type: 'gone'; readonly deviceId: string }
  /** Two cookies of the session's name are well signed and name different sessions: the request is anonymous. */
  | { readonly type: 'ambiguous-cookie' }
  /** A network sent many cookies within a minute that name no session. */
  | { readonly type: 'guessing'; readonly ipPrefix: string; readonly count: number }
  /** A logged-in session is used by another browser family or from another network than it was begun; `policy` was applied. */
  | {
      readonly type: 'binding-mismatch';
      readonly userId: string;
      readonly deviceId: string;
      readonly changed: readonly ('user-agent' | 'network')[];
      readonly policy: 'observe' | 'step-up' | 'end';
      readonly label: string;
      readonly ipPrefix: string;
    }
  /** A logged-in session went to another network and came back within a minute: it is in use on both. */
  | {
      readonly type: 'parallel-use';
      readonly userId: string;
      readonly deviceId: string;
      readonly ipPrefixes: readonly [string, string];
    }
  /** A new session could not be given to the browser, so it was not saved. */
  | { readonly type: 'not-saved'; readonly reason: 'insecure' | 'headers-sent' }
  | { readonly type: 'store-failure'; readonly operation: SessionOperation; readonly reason: StoreFailure };
