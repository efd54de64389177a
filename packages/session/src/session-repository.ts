// All access to Redis on behalf of requests: one guarded call per operation, each one script or command. Knows keys and
// limits, nothing of Express. The session key is the authority on whether a session lives; the index only lists.

import {
  buildKey,
  createStoreGuard,
  masterClients,
  StoreUnavailableError,
  type RedisClient,
  type StoreGuard,
} from '@sallyport/core';
import type { SessionOperation } from './events.js';
import type { DeviceLimitPolicy } from './options.js';
import { advanceEpoch } from './scripts/advance-epoch.js';
import { commitSession, type CommitResult } from './scripts/commit-session.js';
import { endSession } from './scripts/end-session.js';
import { endUserSessions } from './scripts/end-user-sessions.js';
import { listSessions, type SessionDescription } from './scripts/list-sessions.js';
import { logInSession, type LogInResult } from './scripts/log-in-session.js';
import { noteNetwork } from './scripts/note-network.js';
import { probeSession } from './scripts/probe-session.js';
import { readSession, type ReadResult } from './scripts/read-session.js';
import { resealFields } from './scripts/reseal-fields.js';
import { updateSession, type UpdateResult } from './scripts/update-session.js';
import { allBuckets, bucketOfUser, type PresentedId, type SessionAddress } from './session-id.js';
import type { FieldChanges, StoredFields } from './session-record.js';
import { withinBudget, type WaitBudget } from './wait-budget.js';

/** An extension of the idle time is a write: at most one per minute, or per tenth of a short idle limit. */
const LONGEST_TOUCH_WINDOW_MS = 60_000;
/** No session lives longer, whatever the options say now or said before. */
const LONGEST_LIFE_MS = 400 * 86_400_000;
/** How many epochs of a Cluster are moved at a time. */
const EPOCHS_AT_ONCE = 256;
/** Back on a network within this time: the session is in use on both. */
const PARALLEL_WINDOW_MS = 60_000;

export interface RepositoryOptions {
  readonly redis: RedisClient;
  readonly prefix: string;
  readonly idleMs: number;
  readonly absoluteMs: number;
  readonly deadlineMs: number;
  readonly renewalGraceMs: number;
  readonly onReplay: 'end' | 'refuse';
  readonly maxDeviceCount: number | undefined;
  readonly onDeviceLimit: DeviceLimitPolicy;
  /** Told about each call that failed. */
  readonly onFailure: (operation: SessionOperation, error: StoreUnavailableError) => void;
}

/** What a commit writes. */
export interface Commit {
  readonly changes: FieldChanges;
  readonly isNew: boolean;
  /** Set where the creation must find nothing under the id. */
  readonly token: string | undefined;
  /** The present id and the one that follows it. */
  readonly renewal: { readonly from: PresentedId; readonly to: PresentedId } | undefined;
}

/** What a log-in writes. */
export interface LogIn {
  readonly address: SessionAddress;
  readonly userId: string;
  readonly label: string;
  readonly ipPrefix: string;
  /** Name and JSON of the kept fields, by turns. */
  readonly kept: readonly string[];
  readonly replaced: { readonly address: SessionAddress; readonly userId: string | undefined } | undefined;
  readonly token: string | undefined;
}

/** Redis as the rest of the package sees it. Every method rejects with StoreUnavailableError within the deadline. */
export interface SessionRepository {
  readonly deadlineMs: number;
  readonly onReplay: 'end' | 'refuse';
  /** The pub/sub channel on which the device ids of ended sessions are told, `*` for all. */
  readonly channel: string;
  /** @param how `touch` extends the idle time; `reload` takes any id that the session ever had, and extends it too */
  read(id: PresentedId, how: 'touch' | 'look' | 'reload'): Promise<ReadResult>;
  commit(address: SessionAddress, commit: Commit, budget?: WaitBudget): Promise<CommitResult>;
  update(address: SessionAddress, expected: string, token: string, changes: FieldChanges): Promise<UpdateResult>;
  logIn(logIn: LogIn, budget?: WaitBudget): Promise<LogInResult>;
  /** Ends a session, of this user if one is named; resolves to whether there was one. */
  end(
    address: SessionAddress,
    userId: string | undefined,
    operation: SessionOperation,
    budget?: WaitBudget,
  ): Promise<boolean>;
  /** Notes the network of a session; resolves to the other one when two use it at a time. */
  noteNetwork(address: SessionAddress, network: string): Promise<string | undefined>;
  /** Ends all sessions of a user but one; gives their device ids. */
  endAll(userId: string, sparedDeviceId: string | undefined): Promise<string[]>;
  list(userId: string): Promise<SessionDescription[]>;
  /** Ends all sessions of all users. */
  advanceEpoch(): Promise<void>;
  /** How long a session has to live unless it is used, in milliseconds; 0 when it has ended. */
  probe(address: SessionAddress): Promise<number>;
  /** Notes the network of a session; resolves to the other one when two use it at a time. */
  noteNetwork(address: SessionAddress, network: string): Promise<string | undefined>;
  /** The stored properties in the clear; `undefined` when they cannot be had. */
  reveal<Stored extends StoredFields>(address: SessionAddress, stored: Stored): Stored | undefined;
  /** Replaces values that are still as they were read: name, value as read, new value, by turns. */
  reseal(address: SessionAddress, values: readonly string[]): Promise<number>;
}

export function createSessionRepository(options: RepositoryOptions): SessionRepository {
  const { redis, prefix, idleMs, absoluteMs, deadlineMs, onFailure } = options;
  const touchWindowMs = Math.min(LONGEST_TOUCH_WINDOW_MS, Math.floor(idleMs / 10));
  const isCluster = masterClients(redis)[0] !== redis;
  const guard: StoreGuard = createStoreGuard({ redis, packageName: 'session', deadlineMs });
  const channel = `${redis.options.keyPrefix ?? ''}${prefix}ended`;

  const sessionKey = ({ bucket, deviceId }: SessionAddress) => buildKey(prefix, bucket, deviceId);
  const indexKey = (userId: string) => buildKey(prefix, bucketOfUser(userId), 'user', userId);
  /** In a Cluster each slot needs an epoch of its own: a script sees one slot. */
  const epochKey = ({ bucket }: { readonly bucket: string }) =>
    isCluster ? buildKey(prefix, bucket, 'epoch') : buildKey(prefix, 'epoch');
  /** What stands after `{<bucket>}:` in an index key. */
  const indexSuffixLength = (userId: string) => indexKey(userId).length - `${prefix}{xx}:`.length;

  async function run<T>(
    operation: SessionOperation,
    call: () => Promise<T>,
    budget?: WaitBudget,
    onLate?: (result: T) => void,
  ): Promise<T> {
    try {
      return await withinBudget(budget, deadlineMs, () => guard.run(call, onLate), onLate);
    } catch (error) {
      if (error instanceof StoreUnavailableError) onFailure(operation, error);
      throw error;
    }
  }

  function end(address: SessionAddress, userId: string | undefined): Promise<boolean> {
    const key = sessionKey(address);
    const keys = [key, userId === undefined ? key : indexKey(userId)];
    return endSession.run(redis, keys, [address.deviceId, userId ?? '', channel]);
  }

  async function logIn(login: LogIn): Promise<LogInResult> {
    const { address, userId, label, ipPrefix, kept, replaced, token = '' } = login;
    const key = sessionKey(address);
    // Whoever logs in by a session and not by a password must have that session still: it may have been revoked.
    const isSameUser = replaced?.userId === userId;
    const isNear = replaced !== undefined && (!isCluster || replaced.address.bucket === address.bucket);
    const keys = [key, indexKey(userId), isNear ? sessionKey(replaced.address) : key, epochKey(address)];
    const { maxDeviceCount = 0, onDeviceLimit } = options;
    const who = [userId, address.deviceId, replaced?.address.deviceId ?? '', isSameUser ? 1 : 0, token];
    const limits = [idleMs, absoluteMs, maxDeviceCount, onDeviceLimit, indexSuffixLength(userId), channel];
    const result = await logInSession.run(redis, keys, [...who, ...limits, label, ipPrefix, ...kept]);
    // In a Cluster the replaced session may lie in another slot, and then needs a command of its own.
    if (result.status === 'done' && replaced !== undefined && !isNear) {
      try {
        await end(replaced.address, replaced.userId);
      } catch (error) {
        // Its id may be known to an attacker who planted it: nobody is logged in while it lives.
        await end(address, userId).catch(() => undefined);
        throw error;
      }
    }
    return result;
  }

  /** In a Cluster not at one moment, but slot by slot: it holds everywhere when this has resolved. May be repeated. */
  async function advanceAllEpochs(): Promise<void> {
    if (!isCluster) {
      const key = epochKey({ bucket: '' });
      return run('revoke', () => advanceEpoch.run(redis, [key], [LONGEST_LIFE_MS, channel]));
    }
    const buckets = allBuckets();
    for (let at = 0; at < buckets.length; at += EPOCHS_AT_ONCE) {
      const some = buckets.slice(at, at + EPOCHS_AT_ONCE);
      const isLast = at + EPOCHS_AT_ONCE >= buckets.length;
      await run('revoke', () =>
        Promise.all(
          some.map((bucket) =>
            advanceEpoch.run(redis, [epochKey({ bucket })], [LONGEST_LIFE_MS, isLast ? channel : '']),
          ),
        ),
      );
    }
  }

  return {
    deadlineMs,
    onReplay: options.onReplay,
    channel,
    read: (id, how) =>
      run('read', async () => {
        const key = sessionKey(id);
        const [proof, windowMs] = [how === 'reload' ? '*' : id.proof, how === 'look' ? -1 : touchWindowMs];
        const isFatal = options.onReplay === 'end' ? 1 : 0;
        const args = [proof, id.generation, idleMs, absoluteMs, windowMs, options.renewalGraceMs, isFatal];
        const result = await readSession.run(redis, [key, epochKey(id)], [...args, channel, id.deviceId]);
        // Fields that are not JSON are found out here; the script removes the other kinds itself.
        if (result === 'corrupt') await redis.call('unlink', key);
        return result;
      }),
    commit: (address, { changes: { set, removed }, isNew, token = '', renewal }, budget) => {
      const next = [renewal?.from.proof ?? '', renewal?.to.proof ?? '', renewal?.to.generation ?? 0];
      const args = [isNew ? 1 : 0, token, idleMs, absoluteMs, ...next, removed.length, ...removed, ...set];
      const keys = [sessionKey(address), epochKey(address)];
      return run('commit', () => commitSession.run(redis, keys, args), budget);
    },
    update: (address, expected, token, { set, removed }) => {
      const args = [expected, token, idleMs, absoluteMs, removed.length, ...removed, ...set];
      return run('update', () => updateSession.run(redis, [sessionKey(address), epochKey(address)], args));
    },
    logIn: (login, budget) => {
      // The caller was told that nobody is logged in. A session that appears after all is ended again.
      const undo = () => void end(login.address, login.userId).catch(() => undefined);
      return run('log-in', () => logIn(login), budget, undo);
    },
    end: (address, userId, operation, budget) => run(operation, () => end(address, userId), budget),
    endAll: (userId, sparedDeviceId = '') => {
      const args = [userId, sparedDeviceId, indexSuffixLength(userId), channel];
      return run('revoke', () => endUserSessions.run(redis, [indexKey(userId)], args));
    },
    list: (userId) => {
      const keys = [indexKey(userId), epochKey({ bucket: bucketOfUser(userId) })];
      return run('list', () => listSessions.run(redis, keys, [userId, absoluteMs, indexSuffixLength(userId)]));
    },
    advanceEpoch: advanceAllEpochs,
    probe: (address) =>
      run('watch', () => probeSession.run(redis, [sessionKey(address), epochKey(address)], [absoluteMs])),
    noteNetwork: (address, network) =>
      run('note-network', () => noteNetwork.run(redis, [sessionKey(address)], [network, PARALLEL_WINDOW_MS])),
    reveal: (_address, stored) => stored,
    reseal: (address, values) => run('reseal', () => resealFields.run(redis, [sessionKey(address)], values)),
  };
}
