// Asks Redis for leases, keeps those that were granted alive, and gives them back. Every attempt has an owner id of its
// own, 128 random bits that never leave this file: who knows it can release the lock.

import { randomBytes } from 'node:crypto';
import {
  buildKey,
  createEventSink,
  createStoreGuard,
  StoreUnavailableError,
  type RedisClient,
  type StoreGuard,
} from '@sallyport/core';
import { LockLostError, LockUnavailableError } from './errors.js';
import type { LockEvent, StoreOperation } from './events.js';
import { keepLease, type LeaseKeeper } from './lease-keeper.js';
import { createLease, type Lease } from './lease.js';
import { acquireArguments, acquireScript } from './scripts/acquire.js';
import { extendScript } from './scripts/extend.js';
import { releaseScript, type ReleaseResult } from './scripts/release.js';
import type { Attempt } from './waiting.js';

/** Where leases come from. */
export interface GrantingOptions {
  readonly redis: RedisClient;
  readonly prefix: string;
  readonly deadlineMs: number;
  readonly onEvent: ((event: LockEvent) => void) | undefined;
  /** Called after each release in this process, whatever came of it. */
  readonly onReleased: (resource: string) => void;
}

/** The leases of one lock instance. */
export class Granting {
  readonly events;
  readonly #options: GrantingOptions;
  readonly #guard: StoreGuard;
  readonly #keepers = new Set<LeaseKeeper>();
  #isClosed = false;

  constructor(options: GrantingOptions) {
    const { redis, deadlineMs, onEvent } = options;
    this.#options = options;
    this.#guard = createStoreGuard({ redis, packageName: 'lock', deadlineMs });
    this.events = createEventSink<LockEvent>('lock', onEvent);
  }

  /** Tries once to get the lock. @throws {LockUnavailableError} when Redis does not answer */
  async tryOnce(resource: string, leaseMs: number): Promise<Attempt<Lease>> {
    const { redis } = this.#options;
    const keys = this.keysOf(resource);
    const owner = randomBytes(16).toString('base64url');
    const sentAt = performance.now();
    const reply = await this.ask(
      resource,
      'acquire',
      () => acquireScript.run(redis, keys, acquireArguments(owner, leaseMs)),
      // Nobody waits for this grant any more. If giving it back fails, the lease ends it.
      (late) => void (late.isGranted && releaseScript.run(redis, keys, [owner]).catch(() => undefined)),
    );
    if (!reply.isGranted) return { holderRemainingMs: reply.holderRemainingMs };
    return { granted: this.#hold(resource, owner, reply.token, leaseMs, sentAt) };
  }

  /** Runs one call to Redis under the deadline. @throws {LockUnavailableError} when Redis does not answer */
  async ask<T>(
    resource: string,
    operation: StoreOperation,
    run: () => Promise<T>,
    onLate?: (result: T) => void,
  ): Promise<T> {
    try {
      return await this.#guard.run(run, onLate);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.events.emit({ type: 'store-failure', key: resource, operation, error });
      throw new LockUnavailableError(resource, error);
    }
  }

  /** The two keys of a resource, in one slot. */
  keysOf(resource: string): [lock: string, fence: string] {
    const { prefix } = this.#options;
    return [buildKey(prefix, resource), buildKey(prefix, resource, 'fence')];
  }

  /** Renews nothing any more; leases stay valid until they run out or are released. */
  close(): void {
    this.#isClosed = true;
    for (const keeper of this.#keepers) keeper.stopRenewing();
  }

  #hold(resource: string, owner: string, token: number, leaseMs: number, sentAt: number): Lease {
    const { redis, onReleased } = this.#options;
    const keys = this.keysOf(resource);
    const keeper = keepLease({
      leaseMs,
      sentAt,
      renew: (ms, onLate) =>
        this.ask(resource, 'extend', () => extendScript.run(redis, [keys[0]], [owner, ms]), onLate),
      onLost: (reason) => {
        this.#keepers.delete(keeper);
        this.events.emit({ type: 'lost', key: resource, token, reason });
        return new LockLostError(resource, reason);
      },
    });
    this.#keepers.add(keeper);
    if (this.#isClosed) keeper.stopRenewing();

    const sendRelease = async (): Promise<ReleaseResult> => {
      this.#keepers.delete(keeper);
      try {
        const result = await this.ask(resource, 'release', () => releaseScript.run(redis, keys, [owner]));
        if (result.released) {
          this.events.emit({ type: 'released', key: resource, token, heldMs: performance.now() - sentAt });
        }
        return result;
      } catch {
        // Whatever failed, the answer is the same, and it must not hide how the caller's own work ended.
        return { released: false, reason: 'unavailable' };
      } finally {
        onReleased(resource);
      }
    };
    return createLease({ resource, token, keeper, sendRelease });
  }
}
