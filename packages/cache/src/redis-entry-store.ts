// The entry store in full: versions, leases, scripts.

import { createStoreGuard, type RedisClient } from '@sallyport/core';
import { randomBytes } from 'node:crypto';
import type { Entry, EntryStore, Look } from './entry-store.js';
import { createFills } from './fills.js';
import { decodeFrame, HEADER_BYTES, type Frame } from './frame.js';
import { createKeyspace } from './keyspace.js';
import { openMemory } from './open-memory.js';
import { createRedisClock } from './redis-clock.js';
import { deleteEntry } from './scripts/delete-entry.js';
import { softenEntry } from './scripts/soften-entry.js';
import { softenVersions } from './scripts/soften-versions.js';
import { createVersionReader, type SeenVersions } from './version-reader.js';
import { compareVersions, softenedAtMs } from './versions.js';

export interface EntryStoreOptions {
  readonly redis: RedisClient;
  /** Package in whose name errors speak. */
  readonly packageName: string;
  readonly prefix: string;
  readonly namespace: string;
  /** How long one call to Redis may take. */
  readonly deadlineMs: number;
  /** Receives the key of a record that is damaged. */
  readonly onCorrupt: (key: string) => void;
  /** Wall clock in milliseconds for time stamps; decides nothing. @default Date.now */
  readonly now?: () => number;
}

const NOTHING = Buffer.alloc(0);
/** The value of an entry, its other parts and its fence. */
const ANY_PART = /^\{([^}]*)\}(?!:tag:|:generation$|:purges$)/;
/** Keys of one command at most: a command holds up all others. */
const CHUNK = 100;

/** Gives the store of one namespace. */
export function createEntryStore(options: EntryStoreOptions): EntryStore {
  const { redis, onCorrupt, deadlineMs } = options;
  const guard = createStoreGuard(options);
  const keyspace = createKeyspace(options.prefix, options.namespace);
  const isCluster = typeof Reflect.get(redis, 'nodes') === 'function';
  const versions = createVersionReader(redis, keyspace, isCluster);
  const clock = createRedisClock(options.now);
  const fills = createFills({ redis, guard, keyspace, isCluster, deadlineMs, ...clock });
  const random = () => randomBytes(6).toString('base64url');

  const lookChunk: EntryStore['lookMany'] = async (keys, parts, { tags = [], isFenced = false } = {}) => {
    const groups = keys.map((key) => {
      const own = parts.map((part) => keyspace.part(key, part));
      return isFenced ? [...own, keyspace.fence(key)] : own;
    });
    const { values, seen } = await guard.run(() => versions.read(groups, tags));
    const found = values.map((group, at) => {
      const fence = isFenced ? group[parts.length]?.toString('latin1') : '';
      const frames = parts.map((_part, index) => {
        const bytes = group[index];
        const frame = bytes && decodeFrame(bytes);
        if (bytes !== undefined && frame === undefined) onCorrupt(keys[at] ?? '');
        return frame;
      });
      const heads = parts.map((_part, index) => (group[index] ?? NOTHING).subarray(0, HEADER_BYTES));
      return { fence, frames, heads: Buffer.concat(heads) };
    });
    const named = found.flatMap(({ frames }) => frames.flatMap((frame) => frame?.tags ?? []));
    const unseen = [...new Set(named)].filter((tag) => !seen.tags.has(tag));
    if (unseen.length > 0) {
      for (const [tag, version] of await guard.run(() => versions.readTags(unseen))) seen.tags.set(tag, version);
    }
    return found.map(({ fence, frames, heads }): Look => {
      const entries = frames.map((frame) => frame && judge(frame, fence, seen));
      return { entries, sight: { parts, heads } };
    });
  };

  const store: EntryStore = {
    now: clock.now,
    deadlineMs,
    isPlain: false,
    async read(key, parts, how) {
      const { entries } = await store.look(key, parts, how);
      return entries.map((entry) => (entry?.softAtMs === 0 ? entry : undefined));
    },
    async look(key, parts, how) {
      const [look] = await lookChunk([key], parts, how);
      if (look === undefined) throw new TypeError('look: no reply');
      return look;
    },
    async lookMany(keys, parts, how) {
      const chunks: Promise<Look[]>[] = [];
      for (let from = 0; from < keys.length; from += CHUNK) {
        chunks.push(lookChunk(keys.slice(from, from + CHUNK), parts, how));
      }
      return (await Promise.all(chunks)).flat();
    },

    openMemory: (l1, report) => openMemory({ ...options, l1 }, report, ANY_PART),
    startFill: (key, fill) => fills.start(key, fill),
    claimFill: (key, fill) => fills.claim(key, fill),
    put: (key, writes, tags) => fills.put(key, writes, tags),

    delete: (key, parts, { soft = false } = {}) => {
      const keys = parts.map((part) => keyspace.part(key, part));
      const fence = keyspace.fence(key);
      const channel = `${redis.options.keyPrefix ?? ''}${keyspace.channel}`;
      const lease = { key: keyspace.lease(key), channel, message: `${keyspace.lease(key)} ` };
      return guard.run(() =>
        soft ? softenEntry(redis, fence, keys, random(), lease) : deleteEntry(redis, fence, keys, lease),
      );
    },
    async invalidateTags(tags, { soft = false } = {}) {
      if (tags.length === 0) return;
      const keys = [...tags.map((tag) => keyspace.tag(tag)), keyspace.purges];
      await guard.run(async () => (soft ? softenVersions(redis, keys, random()) : redis.call('unlink', ...keys)));
    },
    async clear({ soft = false } = {}) {
      const key = keyspace.generation;
      await guard.run(async () => (soft ? softenVersions(redis, [key], random()) : redis.call('unlink', key)));
    },
  };
  return store;
}

/** Gives the entry if all versions it was made under still stand, apart from soft purges. */
function judge(frame: Frame, fence: string | undefined, seen: SeenVersions): Entry | undefined {
  let { softAtMs } = frame;
  const pairs: [string, string | undefined][] = [
    [frame.fence, fence],
    [frame.generation, seen.generation],
  ];
  frame.tags.forEach((tag, index) => pairs.push([frame.versions[index] ?? '', seen.tags.get(tag)]));
  for (const [made, now] of pairs) {
    const verdict = compareVersions(made, now);
    if (verdict === 'void') return undefined;
    if (verdict === 'same') continue;
    const at = softenedAtMs(now ?? '');
    softAtMs = softAtMs === 0 ? at : Math.min(softAtMs, at);
  }
  const { kind, lingers, isCompressed, storedAtMs, freshMs, costMs, tags, body } = frame;
  return { kind, lingers, isCompressed, storedAtMs, freshMs, costMs, tags, body, softAtMs };
}
