// One Redis as a lock sees it: the keys of a resource, and each script under the deadline.

import {
  buildKey,
  clearPrefix,
  createStoreGuard,
  StoreUnavailableError,
  type EventSink,
  type RedisClient,
  type StoreGuard,
} from '@sallyport/core';
import { LockUnavailableError } from './errors.js';
import type { LockEvent, StoreOperation } from './events.js';
import { replicasReached } from './replicas.js';
import { acquireArguments, acquireScript, type AcquireReply } from './scripts/acquire.js';
import { evictScript } from './scripts/evict.js';
import { inspectScript, type HeldLock } from './scripts/inspect.js';
import { raiseFenceScript } from './scripts/raise-fence.js';
import { releaseScript, type ReleaseResult } from './scripts/release.js';
import { Renewals } from './renewals.js';

export interface RedisNodeOptions {
  readonly redis: RedisClient;
  readonly prefix: string;
  readonly deadlineMs: number;
  /** How many replicas must have a grant. */
  readonly replicas: number;
  readonly events: EventSink<LockEvent>;
}

/** One attempt to get a lock. */
export interface NodeRequest {
  readonly resource: string;
  readonly owner: string;
  readonly leaseMs: number;
  readonly isWaiting: boolean;
}

/** All methods throw LockUnavailableError when Redis does not answer in time. */
export class RedisNode {
  /** Start of the channels on which waiting processes are called. */
  readonly channelPrefix: string;
  readonly #options: RedisNodeOptions;
  readonly #guard: StoreGuard;
  readonly #renewals: Renewals;

  constructor(options: RedisNodeOptions) {
    const { redis, prefix, deadlineMs } = options;
    this.#options = options;
    this.channelPrefix = `${prefix}calls:`;
    this.#guard = createStoreGuard({ redis, packageName: 'lock', deadlineMs });
    this.#renewals = new Renewals({
      redis,
      run: (call, onLate) => this.#guard.run(call, onLate),
      failed: (resource, error) => this.#failed(resource, 'extend', error),
    });
  }

  /** @param isStillWanted whether a grant that comes too late is still of use; else it is given back */
  async acquire(request: NodeRequest, isStillWanted: () => boolean = () => false): Promise<AcquireReply> {
    const { redis, replicas, deadlineMs } = this.#options;
    const { resource, owner, leaseMs, isWaiting } = request;
    const keys = this.#keysOf(resource);
    const args = acquireArguments({ owner, leaseMs, isWaiting, channelPrefix: this.channelPrefix });
    const run = async () => {
      const reply = await acquireScript.run(redis, keys, args);
      if (!reply.isGranted || replicas === 0) return reply;
      const reached = await replicasReached(redis, keys[0], replicas, Math.ceil(deadlineMs / 2));
      return reached >= replicas ? reply : { ...reply, reached };
    };
    // Nobody waits for this answer any more, neither for the lock nor for the place in the line.
    const onLate = () => void (isStillWanted() || this.abandon(resource, owner));
    const reply = await this.#ask(resource, 'acquire', run, onLate);
    if (!('reached' in reply)) return reply;
    this.abandon(resource, owner);
    const detail = `the grant reached ${reply.reached} of ${replicas} replicas`;
    throw this.#failed(resource, 'acquire', new StoreUnavailableError('lock', 'reply', detail));
  }

  release(resource: string, owner: string): Promise<ReleaseResult> {
    const { redis } = this.#options;
    const keys = this.#keysOf(resource);
    return this.#ask(resource, 'release', () => releaseScript.run(redis, keys, [owner, this.channelPrefix]));
  }

  /** Gives back what may have been granted. When that fails, the lease ends it, or its turn that nobody takes. */
  abandon(resource: string, owner: string): void {
    const { redis } = this.#options;
    releaseScript.run(redis, this.#keysOf(resource), [owner, this.channelPrefix]).catch(() => undefined);
  }

  renew(
    { resource, owner, leaseMs }: Omit<NodeRequest, 'isWaiting'>,
    onLate: (remainingMs: number | undefined) => void,
  ): Promise<number | undefined> {
    return this.#renewals.renew({ resource, owner, leaseMs, key: this.#keysOf(resource)[0], onLate });
  }

  /** Makes later tokens larger than `token`. @returns whether the owner holds the lock */
  raiseFence(resource: string, owner: string, token: number): Promise<boolean> {
    const [holders, fence] = this.#keysOf(resource);
    const { redis } = this.#options;
    return this.#ask(resource, 'acquire', () => raiseFenceScript.run(redis, [holders, fence], [owner, token]));
  }

  get(resource: string): Promise<HeldLock | undefined> {
    const [holders, fence, queue] = this.#keysOf(resource);
    return this.#ask(resource, 'get', () => inspectScript.run(this.#options.redis, [holders, fence, queue]));
  }

  /** @returns the number of leases that were ended */
  evict(resource: string): Promise<number> {
    const keys = this.#keysOf(resource);
    return this.#ask(resource, 'delete', () => evictScript.run(this.#options.redis, keys, [this.channelPrefix]));
  }

  clear(): Promise<number> {
    return clearPrefix(this.#options.redis, this.#options.prefix);
  }

  #keysOf(resource: string): [holders: string, fence: string, queue: string, alive: string] {
    const { prefix } = this.#options;
    const holders = buildKey(prefix, resource);
    return [holders, `${holders}:fence`, `${holders}:queue`, `${holders}:alive`];
  }

  async #ask<T>(
    resource: string,
    operation: StoreOperation,
    run: () => Promise<T>,
    onLate?: (result: T) => void,
  ): Promise<T> {
    try {
      return await this.#guard.run(run, onLate);
    } catch (error) {
      throw this.#failed(resource, operation, error);
    }
  }

  /** The error for the caller; one that does not come from Redis stays what it is. */
  #failed(resource: string, operation: StoreOperation, error: unknown): unknown {
    if (!(error instanceof StoreUnavailableError)) return error;
    this.#options.events.emit({ type: 'store-failure', key: resource, operation, error });
    return new LockUnavailableError(resource, error);
  }
}
