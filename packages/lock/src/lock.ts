// Locks, semaphores and read-write locks as leases. A store grants them (one Redis, or a majority of several), a keeper
// watches the time of each; this file checks what is asked for and joins them. What is guaranteed stands in the README.

import { LockAbortedError, LockHeldError, LockTimeoutError } from './errors.js';
import { Granting } from './granting.js';
import { Holdings } from './holdings.js';
import { acquireAll, type LeaseSet } from './lease-set.js';
import type { Lease } from './lease.js';
import type { LockStore } from './lock-store.js';
import {
  checkResource,
  checkResources,
  resolveAcquireOptions,
  resolveLockOptions,
  resolveTryAcquireOptions,
  type AcquireOptions,
  type LockOptions,
  type TryAcquireOptions,
} from './options.js';
import { Quorum } from './quorum.js';
import { RedisNode } from './redis-node.js';
import type { HeldLock } from './scripts/inspect.js';

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
  /** Runs `body` while holding all `resources`, or none of them. Throws as {@link using} does, for any of them. */
  usingAll<T>(
    resources: readonly string[],
    options: AcquireOptions,
    body: (leases: LeaseSet) => T | Promise<T>,
  ): Promise<T>;
  /** Gives leases on all `resources`, or on none; `waitMs` is for all together. Throws as {@link using} does. */
  acquireAll(resources: readonly string[], options: AcquireOptions): Promise<LeaseSet>;
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
 * Gives locks on `redis`, or on a majority of `quorum`.
 *
 * @throws {OptionError} for an option that is wrong or unknown
 */
export function createLock(options: LockOptions): Lock {
  const { clients, prefix, deadlineMs, replicas, onEvent } = resolveLockOptions(options);
  const holdings = new Holdings(onEvent);
  const { events } = holdings;
  const nodes = clients.map((redis) => new RedisNode({ redis, prefix, deadlineMs, replicas, events }));
  const [redis, node] = [clients[0], nodes[0]];
  const store: LockStore =
    nodes.length === 1 && redis !== undefined && node !== undefined
      ? new Granting(redis, node, holdings)
      : new Quorum(nodes, holdings);
  let isClosed = false;

  async function acquire(resource: string, acquireOptions: AcquireOptions): Promise<Lease> {
    checkResource(resource);
    const { leaseMs, waitMs, signal, limit } = resolveAcquireOptions(acquireOptions);
    assertWanted(resource, signal);
    const startedAt = performance.now();
    const request = { resource, leaseMs, limit };
    try {
      if (waitMs > 0) return await given(await store.wait(request, { waitMs, signal }), startedAt, signal);
      const outcome = await store.tryOnce(request);
      if ('granted' in outcome) return await given(outcome.granted, startedAt, signal);
      throw new LockHeldError(resource, outcome.holderRemainingMs);
    } catch (error) {
      if (error instanceof LockHeldError || error instanceof LockTimeoutError) {
        events.emit({ type: 'held', key: resource, waitedMs: performance.now() - startedAt });
      }
      throw error;
    }
  }

  /** The lease, unless the caller has gone away while Redis granted it. */
  async function given(lease: Lease, startedAt: number, signal: AbortSignal | undefined): Promise<Lease> {
    const { resource, token } = lease;
    events.emit({ type: 'acquired', key: resource, token, waitedMs: performance.now() - startedAt });
    if (signal?.aborted !== true) return lease;
    await lease.release();
    throw new LockAbortedError(resource, signal.reason);
  }

  function assertWanted(resource: string, signal: AbortSignal | undefined): void {
    if (isClosed) throw new LockAbortedError(resource, new Error('the lock was closed'));
    if (signal?.aborted === true) throw new LockAbortedError(resource, signal.reason);
  }

  async function takeAll(resources: readonly string[], acquireOptions: AcquireOptions): Promise<LeaseSet> {
    checkResources(resources);
    const { waitMs } = resolveAcquireOptions(acquireOptions);
    const endsAt = performance.now() + waitMs;
    return acquireAll(resources, (resource) => {
      const leftMs = Math.max(Math.ceil(endsAt - performance.now()), waitMs > 0 ? 1 : 0);
      return acquire(resource, { ...acquireOptions, waitMs: leftMs });
    });
  }

  async function holding<Held extends Lease | LeaseSet, T>(
    held: Held,
    body: (held: Held) => T | Promise<T>,
  ): Promise<T> {
    try {
      return await body(held);
    } finally {
      // Never rejects, so the body's result or error is what the caller gets.
      await held.release();
    }
  }

  return {
    using: async (resource, usingOptions, body) => holding(await acquire(resource, usingOptions), body),
    acquire,
    usingAll: async (resources, usingOptions, body) => holding(await takeAll(resources, usingOptions), body),
    acquireAll: takeAll,
    async tryAcquire(resource, tryOptions) {
      checkResource(resource);
      const { leaseMs, limit } = resolveTryAcquireOptions(tryOptions);
      assertWanted(resource, undefined);
      const startedAt = performance.now();
      const outcome = await store.tryOnce({ resource, leaseMs, limit });
      return 'granted' in outcome ? given(outcome.granted, startedAt, undefined) : undefined;
    },
    get: async (resource) => store.get(checkResource(resource)),
    delete: async (resource) => store.delete(checkResource(resource)),
    clear: () => store.clear(),
    async close() {
      isClosed = true;
      store.close();
      holdings.close();
    },
  };
}
