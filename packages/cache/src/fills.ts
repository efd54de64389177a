// Values on their way into the store. A fill holds the versions from before the load and is written only if they still
// stand. One that is claimed also holds the lease on the key: while it lasts, others wait instead of loading the same.
//
//   claim ─ granted ─► load, lease renewed ─► commit | abandon ─► those who wait are called
//     └─ another loads ─► wait: called, or its lease is over ─► look again
//
// Tags that only the load makes known can't be held one by one. They are taken as they stand at the commit, if no tag at
// all has been purged since the start: the version `purges` tells.

import type { RedisClient, StoreGuard } from '@sallyport/core';
import { randomBytes } from 'node:crypto';
import type { Busy, ClaimOptions, Fill, FillOptions, Write } from './entry-store.js';
import { encodeFrame } from './frame.js';
import type { Keyspace } from './keyspace.js';
import { commitFill, type Commit, type Held, type Put } from './scripts/commit-fill.js';
import { releaseLease } from './scripts/release-lease.js';
import { renewLease } from './scripts/renew-lease.js';
import { startFill, type HeldVersions, type LeaseClaim } from './scripts/start-fill.js';
import { wakeCallsOf } from './wake-calls.js';

/** Where fills come from. */
export interface Fills {
  start(key: string, options: FillOptions): Promise<Fill>;
  claim(key: string, options: ClaimOptions): Promise<Fill | Busy>;
  /** Writes under the versions that stand, and turns away the fills of this key that are running. */
  put(key: string, writes: readonly Write[], tags: readonly string[]): Promise<void>;
}

export interface FillContext {
  readonly redis: RedisClient;
  readonly guard: StoreGuard;
  readonly keyspace: Keyspace;
  readonly isCluster: boolean;
  readonly deadlineMs: number;
  /** Redis time in ms, as far as it is known. */
  readonly now: () => number;
  readonly isClockKnown: () => boolean;
  /** Receives the time of Redis. */
  readonly onTime: (timeMs: number) => void;
}

/** Owner for a release that ends whoever's lease. */
const FOR_ALL = '*';
/** How much later than its deadline a write may still be executed: clocks are set, and estimates are off by a round trip. */
const LATE_MS = 1_000;

const NOTHING = Buffer.alloc(0);

export function createFills(context: FillContext): Fills {
  const { redis, guard, keyspace, isCluster, onTime } = context;
  const channel = `${redis.options.keyPrefix ?? ''}${keyspace.channel}`;

  async function commit(what: Commit) {
    const reply = await commitFill(redis, what);
    onTime(reply.timeMs);
    return { ...reply, isWritten: reply.outcome === 'written' };
  }

  function putsOf(key: string, writes: readonly Write[], tags: readonly string[]): Put[] {
    return writes.map(
      ({ part, ttlMs, lingers = false, isCompressed = false, freshMs = ttlMs, costMs = 0, ...rest }) => {
        const content = { ...rest, lingers, isCompressed, freshMs, costMs, tags };
        return { key: keyspace.part(key, part), frame: ttlMs === 0 ? NOTHING : encodeFrame(content), ttlMs };
      },
    );
  }

  async function begin(key: string, options: FillOptions, lease: LeaseClaim | undefined) {
    const { tags = [], holdMs, isFenced = false } = options;
    const fenceKey = keyspace.fence(key);
    const markerKeys = [keyspace.generation, ...tags.map((tag) => keyspace.tag(tag))];
    const held = await guard.run(async (): Promise<HeldVersions> => {
      const markers = [...markerKeys, keyspace.purges];
      const dependsOn = 1 + markerKeys.length;
      if (!isCluster) return startFill(redis, [fenceKey, ...markers], { holdMs, dependsOn, lease });
      const [ours, theirs] = await Promise.all([
        startFill(redis, [fenceKey], { holdMs, lease }),
        startFill(redis, markers, { holdMs }),
      ]);
      return { ...ours, versions: [...ours.versions, ...theirs.versions] };
    });
    onTime(held.timeMs);
    if (held.leasedMs !== undefined) return held.leasedMs;
    const [fence = '', ...versions] = held.versions;
    const fenceHeld: Held = { key: fenceKey, version: fence, isKept: isFenced };
    const markersHeld = markerKeys.map((key, index): Held => ({ key, version: versions[index] ?? '', isKept: true }));
    const purgesHeld: Held = { key: keyspace.purges, version: versions.at(-1) ?? '', isKept: false };
    const known = [isFenced ? fence : '-', ...markersHeld.map(({ version }) => version)];
    const leaseKey = keyspace.lease(key);
    const release = (message: string) =>
      lease === undefined
        ? undefined
        : { key: leaseKey, owner: lease.owner, channel, message: `${leaseKey} ${message}` };
    const stopRenewing = lease === undefined ? () => undefined : renewing(lease, holdMs);
    const fill: Fill = {
      async commit(writes, lateTags = []) {
        stopRenewing();
        const late = lateTags.filter((tag) => !tags.includes(tag));
        const puts = putsOf(key, writes, [...tags, ...late]);
        const lifeMs = Math.max(...writes.map(({ ttlMs }) => ttlMs));
        const standing = late.map((tag) => keyspace.tag(tag));
        const theirs = late.length === 0 ? markersHeld : [...markersHeld, purgesHeld];
        return guard.run(async () => {
          const lease = release('');
          const own: Commit = { held: [fenceHeld], known, puts, lifeMs, lease };
          if (!isCluster) return (await commit({ ...own, held: [fenceHeld, ...theirs], standing })).isWritten;
          // The markers lie in another slot. A frame that is written too late is void when it is read.
          const checking = commit({ held: theirs, known: [], standing, puts: [], lifeMs });
          if (late.length === 0)
            return (await Promise.all([commit(own), checking])).every(({ isWritten }) => isWritten);
          const { isWritten, versions: lateVersions } = await checking;
          if (isWritten) return (await commit({ ...own, known: [...known, ...lateVersions] })).isWritten;
          if (lease !== undefined) await releaseLease(redis, lease);
          return false;
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
    async put(key, writes, tags) {
      const id = randomBytes(9).toString('base64url');
      const markers = [keyspace.generation, ...tags.map((tag) => keyspace.tag(tag))];
      const lifeMs = Math.max(...writes.map(({ ttlMs }) => ttlMs));
      const leaseKey = keyspace.lease(key);
      const lease = { key: leaseKey, owner: FOR_ALL, channel, message: `${leaseKey} ` };
      const puts = putsOf(key, writes, tags);
      const until = () => (context.isClockKnown() ? Math.ceil(context.now()) + context.deadlineMs + LATE_MS : 0);
      await guard.run(async () => {
        // A Cluster has the versions in another slot. A purge between the two commands makes what is written void.
        const read = isCluster ? await startFill(redis, markers, { holdMs: lifeMs }) : undefined;
        const known = ['-', ...(read?.versions ?? [])];
        const standing = isCluster ? [] : markers;
        // The first may be refused, by a clock that was not known or has been set; the second knows it.
        for (let attempt = 0; attempt < 3; attempt += 1) {
          const once = { key: keyspace.done(key, id), untilMs: until(), fence: keyspace.fence(key) };
          if ((await commit({ held: [], known, standing, puts, lifeMs, lease, once })).isWritten) return;
        }
        throw new TypeError('commit-fill: the clock of Redis jumps');
      });
    },
  };
}
