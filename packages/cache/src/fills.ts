// Values on their way into the store. A fill holds the versions from before the load and is written only if they still
// stand. One that is claimed also holds the lease on the key: while it lasts, others wait instead of loading the same.
//
//   claim ─ granted ─► load, lease renewed ─► commit | abandon ─► those who wait are called
//     └─ another loads ─► wait: called, or its lease is over ─► look again

import type { RedisClient, StoreGuard } from '@sallyport/core';
import { randomBytes } from 'node:crypto';
import { encodeFrame } from './frame.js';
import type { Keyspace } from './keyspace.js';
import { commitFill } from './scripts/commit-fill.js';
import { releaseLease } from './scripts/release-lease.js';
import { renewLease } from './scripts/renew-lease.js';
import { startFill, type LeaseClaim } from './scripts/start-fill.js';
import { wakeCallsOf } from './wake-calls.js';

export interface FillOptions {
  readonly tags?: readonly string[];
  /** Longest time between start and commit; a later commit is refused. */
  readonly holdMs: number;
  /** Every part stays bound to the key's version, so that `delete` also reaches parts that it isn't told of. @default false */
  readonly isFenced?: boolean;
  /** Turns away all fills of this key that are running. @default false */
  readonly takesOver?: boolean;
}

/** One part to write under the key. */
export interface Write {
  /** `''` is the value itself. */
  readonly part: string;
  readonly kind: number;
  readonly body: Buffer;
  /** 0 removes the part. */
  readonly ttlMs: number;
  /** @default false */
  readonly lingers?: boolean;
  /** How long it is fresh, ms. @default `ttlMs` */
  readonly freshMs?: number;
  /** How long it took to make, ms. @default 0 */
  readonly costMs?: number;
}

/** A value on its way into the store. */
export interface Fill {
  /**
   * Writes all parts at once, or none.
   *
   * @returns `false` when a purge or another writer came after the start: what was loaded may be old by now
   * @throws {StoreUnavailableError} when Redis did not answer in time
   */
  commit(writes: readonly Write[]): Promise<boolean>;
  /** Gives up the lease, if there is one, without a value; those who wait get `text`, if there is one. */
  abandon(text?: string): Promise<void>;
}

/** Another process loads. */
export interface Busy {
  /**
   * Resolves when the load has ended, its lease is over or `maxMs` have passed: time to look again.
   *
   * @returns what the other gave to `abandon`, if anything
   */
  wait(maxMs: number): Promise<string | undefined>;
  /** To be called when nobody is going to wait. */
  cancel(): void;
}

/** Where fills come from. */
export interface Fills {
  start(key: string, options: FillOptions): Promise<Fill>;
  claim(key: string, options: ClaimOptions): Promise<Fill | Busy>;
}

export interface ClaimOptions extends FillOptions {
  readonly leaseMs: number;
  /** What `look` gave: when the entry has changed since, there is nothing to load. */
  readonly sight?: Sight;
}

/** How an entry looked when it was read. */
export interface Sight {
  readonly parts: readonly string[];
  /** The first bytes of each part. */
  readonly heads: Buffer;
}

export interface FillContext {
  readonly redis: RedisClient;
  readonly guard: StoreGuard;
  readonly keyspace: Keyspace;
  readonly isCluster: boolean;
  readonly now: () => number;
  /** Receives the time of Redis. */
  readonly onTime: (timeMs: number) => void;
}

const FOR_ALL = '*';

export function createFills({ redis, guard, keyspace, isCluster, now, onTime }: FillContext): Fills {
  const channel = `${redis.options.keyPrefix ?? ''}${keyspace.channel}`;

  async function begin(key: string, options: FillOptions, lease: LeaseClaim | undefined) {
    const { tags = [], holdMs, isFenced = false, takesOver = false } = options;
    const fenceKey = keyspace.fence(key);
    const markerKeys = [keyspace.generation, ...tags.map((tag) => keyspace.tag(tag))];
    const held = await guard.run(async () => {
      const own = { holdMs, replacesFirst: takesOver, lease };
      if (!isCluster) return startFill(redis, [fenceKey, ...markerKeys], own);
      const [ours, markers] = await Promise.all([
        startFill(redis, [fenceKey], own),
        startFill(redis, markerKeys, { holdMs, replacesFirst: false }),
      ]);
      return { ...ours, versions: [...ours.versions, ...markers.versions] };
    });
    onTime(held.timeMs);
    if (held.leasedMs !== undefined) return held.leasedMs;
    const [fence = '', generation = '', ...tagVersions] = held.versions;
    const fenceHeld = { key: fenceKey, version: fence, isKept: isFenced };
    const markersHeld = markerKeys.map((key, index) => ({
      key,
      version: held.versions[index + 1] ?? '',
      isKept: true,
    }));
    const stamp = {
      fence: isFenced ? fence : '',
      generation,
      tags: tags.flatMap((tag, index) => [tag, tagVersions[index] ?? '']),
    };
    const owner = lease?.owner ?? (takesOver ? FOR_ALL : undefined);
    const leaseKey = keyspace.lease(key);
    const release = (message: string) =>
      owner === undefined ? undefined : { key: leaseKey, owner, channel, message: `${leaseKey} ${message}` };
    const stopRenewing = lease === undefined ? () => undefined : renewing(lease, holdMs);
    const fill: Fill = {
      async commit(writes) {
        stopRenewing();
        const storedAtMs = now();
        const puts = writes.map(({ part, ttlMs, lingers = false, freshMs = ttlMs, costMs = 0, ...rest }) => {
          const frame = { kind: rest.kind, body: rest.body, lingers, freshMs, costMs, storedAtMs, ...stamp };
          return { key: keyspace.part(key, part), frame: ttlMs === 0 ? Buffer.alloc(0) : encodeFrame(frame), ttlMs };
        });
        const lifeMs = Math.max(...writes.map(({ ttlMs }) => ttlMs));
        return guard.run(async () => {
          if (!isCluster) return commitFill(redis, [fenceHeld, ...markersHeld], puts, lifeMs, release(''));
          // The markers lie in another slot. A frame that this writes too late is stale when it is read.
          const [isWritten, areCurrent] = await Promise.all([
            commitFill(redis, [fenceHeld], puts, lifeMs, release('')),
            commitFill(redis, markersHeld, [], lifeMs),
          ]);
          return isWritten && areCurrent;
        });
      },
      async abandon(text = '') {
        stopRenewing();
        const given = release(text);
        if (given !== undefined) await guard.run(() => releaseLease(redis, given));
      },
    };
    return fill;
  }

  /** Renews the lease while the load goes on, at most for `holdMs`; a renewal that fails is tried again. */
  function renewing(lease: LeaseClaim, holdMs: number): () => void {
    const endsAt = performance.now() + holdMs;
    const timer = setInterval(() => {
      if (performance.now() >= endsAt) return clearInterval(timer);
      const stop = (isOurs: boolean) => (isOurs ? undefined : clearInterval(timer));
      // Redis that fails ends the lease: others may load then, and the versions still decide what is stored.
      guard.run(() => renewLease(redis, lease)).then(stop, () => undefined);
    }, lease.leaseMs / 3);
    timer.unref();
    return () => clearInterval(timer);
  }

  return {
    async start(key, options) {
      const fill = await begin(key, options, undefined);
      if (typeof fill === 'number') throw new TypeError('start-fill: busy without a claim');
      return fill;
    },
    async claim(key, { leaseMs, sight, ...options }) {
      const owner = randomBytes(12).toString('base64url');
      const seen = sight && { heads: sight.heads, keys: sight.parts.map((part) => keyspace.part(key, part)) };
      const lease = { key: keyspace.lease(key), owner, leaseMs, ...(seen && { seen }) };
      const ticket = wakeCallsOf(redis).expect(channel, lease.key);
      let leftMs: number | Fill | undefined;
      try {
        leftMs = await begin(key, options, lease);
      } finally {
        if (typeof leftMs !== 'number') ticket.cancel();
      }
      if (typeof leftMs !== 'number') return leftMs;
      if (leftMs === 0) {
        ticket.cancel();
        return { wait: () => Promise.resolve(undefined), cancel: () => undefined };
      }
      // A lease that is over to the millisecond may still stand: Redis counts in whole ones.
      const restMs = Math.max(leftMs, 0) + 2;
      return { wait: (maxMs) => ticket.wait(Math.min(restMs, maxMs)), cancel: () => ticket.cancel() };
    },
  };
}
