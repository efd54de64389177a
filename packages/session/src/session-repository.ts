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
import { commitSession } from './scripts/commit-session.js';
import { describeSession, type SessionDescription } from './scripts/describe-session.js';
import { endSession } from './scripts/end-session.js';
import { logInSession } from './scripts/log-in-session.js';
import { noteNetwork } from './scripts/note-network.js';
import { readSession, type ReadResult } from './scripts/read-session.js';
import { bucketOfUser, type SessionAddress } from './session-id.js';
import type { FieldChanges } from './session-record.js';

/** An extension of the idle time is a write: at most one per minute, or per tenth of a short idle limit. */
const LONGEST_TOUCH_WINDOW_MS = 60_000;
/** Back on a network within this time: the session is in use on both. */
const PARALLEL_WINDOW_MS = 60_000;

export interface RepositoryOptions {
  readonly redis: RedisClient;
  readonly prefix: string;
  readonly idleMs: number;
  readonly absoluteMs: number;
  readonly deadlineMs: number;
  /** Told about each call that failed. */
  readonly onFailure: (operation: SessionOperation, error: StoreUnavailableError) => void;
}

/** What a log-in writes. */
export interface LogIn {
  readonly address: SessionAddress;
  readonly userId: string;
  readonly label: string;
  readonly ipPrefix: string;
  /** Name and JSON of the kept fields, by turns. */
  readonly kept: readonly string[];
  readonly replaced: SessionAddress | undefined;
}

/** Redis as the rest of the package sees it. Every method rejects with StoreUnavailableError within the deadline. */
export interface SessionRepository {
  readonly deadlineMs: number;
  read(address: SessionAddress): Promise<ReadResult>;
  /** Resolves to whether the session was there, or could be created. */
  commit(address: SessionAddress, changes: FieldChanges, isNew: boolean): Promise<boolean>;
  logIn(logIn: LogIn): Promise<void>;
  /** Ends a session, of this user if one is named; resolves to whether there was one. */
  end(address: SessionAddress, userId: string | undefined, operation: SessionOperation): Promise<boolean>;
  /** Notes the network of a session; resolves to the other one when two use it at a time. */
  noteNetwork(address: SessionAddress, network: string): Promise<string | undefined>;
  /** The device ids in a user's index, some of which may have ended. */
  deviceIds(userId: string): Promise<string[]>;
  describe(address: SessionAddress, userId: string): Promise<SessionDescription | undefined>;
}

export function createSessionRepository(options: RepositoryOptions): SessionRepository {
  const { redis, prefix, idleMs, absoluteMs, deadlineMs, onFailure } = options;
  const touchWindowMs = Math.min(LONGEST_TOUCH_WINDOW_MS, Math.floor(idleMs / 10));
  const isCluster = masterClients(redis)[0] !== redis;
  const guard: StoreGuard = createStoreGuard({ redis, packageName: 'session', deadlineMs });

  const sessionKey = ({ bucket, deviceId }: SessionAddress) => buildKey(prefix, bucket, deviceId);
  const indexKey = (userId: string) => buildKey(prefix, bucketOfUser(userId), 'user', userId);

  async function run<T>(operation: SessionOperation, call: () => Promise<T>, onLate?: (result: T) => void): Promise<T> {
    try {
      return await guard.run(call, onLate);
    } catch (error) {
      if (error instanceof StoreUnavailableError) onFailure(operation, error);
      throw error;
    }
  }

  function end(address: SessionAddress, userId: string | undefined): Promise<boolean> {
    const key = sessionKey(address);
    if (userId === undefined) return redis.call('unlink', key).then((count) => count === 1);
    return endSession.run(redis, [key, indexKey(userId)], [address.deviceId, userId]);
  }

  async function logIn({ address, userId, label, ipPrefix, kept, replaced }: LogIn): Promise<void> {
    const key = sessionKey(address);
    // In a Cluster the replaced session lies in another slot and needs a command of its own. It goes first: when the
    // second command fails, nobody is logged in, which is the safe half.
    if (isCluster && replaced !== undefined) await redis.call('unlink', sessionKey(replaced));
    const replacedKey = isCluster || replaced === undefined ? key : sessionKey(replaced);
    const args = [userId, address.deviceId, replaced?.deviceId ?? '', idleMs, absoluteMs, label, ipPrefix, ...kept];
    await logInSession.run(redis, [key, indexKey(userId), replacedKey], args);
  }

  return {
    deadlineMs,
    read: (address) =>
      run('read', async () => {
        const key = sessionKey(address);
        const result = await readSession.run(redis, [key], [idleMs, absoluteMs, touchWindowMs]);
        // Fields that are not JSON are found out here; the script removes the other kinds itself.
        if (result === 'corrupt') await redis.call('unlink', key);
        return result;
      }),
    commit: (address, { set, removed }, isNew) => {
      const args = [isNew ? 1 : 0, idleMs, absoluteMs, removed.length, ...removed, ...set];
      return run('commit', () => commitSession.run(redis, [sessionKey(address)], args));
    },
    logIn: (login) => {
      // The caller was told that nobody is logged in. A session that appears after all is ended again.
      const undo = () => void end(login.address, login.userId).catch(() => undefined);
      return run('log-in', () => logIn(login), undo);
    },
    end: (address, userId, operation) => run(operation, () => end(address, userId)),
    noteNetwork: (address, network) =>
      run('note-network', () => noteNetwork.run(redis, [sessionKey(address)], [network, PARALLEL_WINDOW_MS])),
    deviceIds: (userId) => run('list', async () => (await redis.call('zrange', indexKey(userId), 0, -1)) as string[]),
    describe: (address, userId) => {
      const keys = [sessionKey(address), indexKey(userId)];
      return run('list', () => describeSession.run(redis, keys, [address.deviceId, userId, absoluteMs]));
    },
  };
}
