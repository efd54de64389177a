// Exclusive locks with leases. The scripts decide who holds what, the keeper watches the time, the waiting room keeps the
// order; this file joins them. What is guaranteed and what is not stands in the README.

import { clearPrefix } from '@sallyport/core';
import { LockAbortedError, LockHeldError, LockTimeoutError } from './errors.js';
import { Granting } from './granting.js';
import type { Lease } from './lease.js';
import {
  checkResource,
  resolveAcquireOptions,
  resolveLockOptions,
  resolveTryAcquireOptions,
  type AcquireOptions,
  type LockOptions,
  type TryAcquireOptions,
} from './options.js';
import { inspectScript, type HeldLock } from './scripts/inspect.js';
import { createWaitingRoom } from './waiting.js';

/** Locks under one prefix. All methods reject with an OptionError for an argument that they refuse. */
export interface Lock {
  /**
   * Runs `body` while holding the lock, and gives its result or its error, whatever becomes of the lease.
   *
   * @throws {LockHeldError} when held and `waitMs` is 0 @throws {LockTimeoutError} when still held after `waitMs`
   * @throws {LockAbortedError} when `signal` ended the wait @throws {LockUnavailableError} when Redis does not answer
   * @example
   * await lock.using('stock:7', { leaseMs: 5_000, waitMs: 1_000 }, async (lease) => {
   *   const stock = await readStock(7, { signal: lease.signal });
   *   lease.assertHeld();
   *   await writeStock(7, stock - 1, lease.token);
   * });
   */
  using<T>(resource: string, options: AcquireOptions, body: (lease: Lease) => T | Promise<T>): Promise<T>;
  /** Gives a lease that the caller releases. Throws as {@link using} does. */
  acquire(resource: string, options: AcquireOptions): Promise<Lease>;
  /** Gives a lease if the lock is free, else `undefined`. @throws {LockUnavailableError} when Redis does not answer */
  tryAcquire(resource: string, options: TryAcquireOptions): Promise<Lease | undefined>;
  /** Who holds the lock now. The answer may be old when it arrives: for people, not for decisions. */
  get(resource: string): Promise<HeldLock | undefined>;
  /** Takes the lock from whoever holds it; the token goes on rising. Gives whether somebody held it. */
  delete(resource: string): Promise<boolean>;
  /** Removes every key under the prefix, for administration. Gives the number of keys. */
  clear(): Promise<number>;
  /** Ends all waits and renewals. Leases stay valid until they run out or are released. */
  close(): Promise<void>;
}

/**
 * Gives locks on `redis`.
 *
 * @throws {OptionError} for an option that is wrong or unknown
 */
export function createLock(options: LockOptions): Lock {
  const { redis, prefix, deadlineMs, onEvent } = resolveLockOptions(options);
  const waiting = createWaitingRoom();
  const granting = new Granting({
    redis,
    prefix,
    deadlineMs,
    onEvent,
    onReleased: (resource) => waiting.wake(resource),
  });
  const { events } = granting;
  let isClosed = false;

  async function tryOnce(resource: string, leaseMs: number, startedAt: number) {
    const outcome = await granting.tryOnce(resource, leaseMs);
    if ('granted' in outcome) {
      const { token } = outcome.granted;
      events.emit({ type: 'acquired', key: resource, token, waitedMs: performance.now() - startedAt });
    }
    return outcome;
  }

  async function acquire(resource: string, acquireOptions: AcquireOptions): Promise<Lease> {
    checkResource(resource);
    const { leaseMs, waitMs, signal } = resolveAcquireOptions(acquireOptions);
    assertWanted(resource, signal);
    const startedAt = performance.now();
    const attempt = () => tryOnce(resource, leaseMs, startedAt);
    try {
      if (waitMs > 0) return await wanted(await waiting.enter(resource, attempt, { waitMs, signal }), signal);
      const outcome = await attempt();
      if ('granted' in outcome) return outcome.granted;
      throw new LockHeldError(resource, outcome.holderRemainingMs);
    } catch (error) {
      if (error instanceof LockHeldError || error instanceof LockTimeoutError) {
        events.emit({ type: 'held', key: resource, waitedMs: performance.now() - startedAt });
      }
      throw error;
    }
  }

  /** The lease, unless the caller has gone away while Redis granted it. */
  async function wanted(lease: Lease, signal: AbortSignal | undefined): Promise<Lease> {
    if (signal?.aborted !== true) return lease;
    await lease.release();
    throw new LockAbortedError(lease.resource, signal.reason);
  }

  function assertWanted(resource: string, signal: AbortSignal | undefined): void {
    if (isClosed) throw new LockAbortedError(resource, new Error('the lock was closed'));
    if (signal?.aborted === true) throw new LockAbortedError(resource, signal.reason);
  }

  return {
    async using(resource, usingOptions, body) {
      const lease = await acquire(resource, usingOptions);
      try {
        return await body(lease);
      } finally {
        // Never rejects, so the body's result or error is what the caller gets.
        await lease.release();
      }
    },
    acquire,
    async tryAcquire(resource, tryOptions) {
      checkResource(resource);
      const { leaseMs } = resolveTryAcquireOptions(tryOptions);
      assertWanted(resource, undefined);
      const outcome = await tryOnce(resource, leaseMs, performance.now());
      return 'granted' in outcome ? outcome.granted : undefined;
    },
    async get(resource) {
      const [lockKey] = granting.keysOf(checkResource(resource));
      return granting.ask(resource, 'get', () => inspectScript.run(redis, [lockKey]));
    },
    async delete(resource) {
      const [lockKey] = granting.keysOf(checkResource(resource));
      const removed = await granting.ask(resource, 'delete', () => redis.call('unlink', lockKey));
      waiting.wake(resource);
      return removed === 1;
    },
    clear: () => clearPrefix(redis, prefix),
    async close() {
      isClosed = true;
      waiting.close();
      granting.close();
    },
  };
}
