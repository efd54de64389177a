// The layer below the cache: reads and writes frames, knows versions, decides nothing about loading. An entry is as good as
// the versions it was made under: those of its namespace, its tags and, where asked for, its key. They are compared for
// equality when it is read, and a version that is missing — evicted, expired, purged — makes it stale. So a purge is one
// UNLINK, costs nothing per entry, and no clock takes part.
//
// A value that is being made holds the versions from before (`startFill`) and is written only if they still stand
// (`commit`), so that a purge wins over every load that began before it, in any process.

import { createStoreGuard, type RedisClient } from '@sallyport/core';
import { decodeFrame, encodeFrame, type Frame } from './frame.js';
import { createKeyspace } from './keyspace.js';
import { commitFill } from './scripts/commit-fill.js';
import { deleteEntry } from './scripts/delete-entry.js';
import { startFill } from './scripts/start-fill.js';
import { createVersionReader } from './version-reader.js';

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

/** How an entry is looked up. */
export interface EntryRead {
  /** Tags that the entry is expected to carry; other tags cost a second command. */
  readonly tags?: readonly string[];
  /** The entry also depends on the version of its key, see {@link FillOptions.isFenced}. */
  readonly isFenced?: boolean;
}

/** A valid record. */
export type Entry = Pick<Frame, 'kind' | 'lingers' | 'storedAtMs' | 'body'>;

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
}

/** Reads and writes parts of entries; every method rejects with StoreUnavailableError within the deadline. */
export interface EntryStore {
  /** Gives the parts, in order; `undefined` for one that is missing, purged or damaged. One command, two on a Cluster. */
  read(key: string, parts: readonly string[], options?: EntryRead): Promise<(Entry | undefined)[]>;
  /** Takes hold of the versions; to be called before the value is loaded. One command, two on a Cluster. */
  startFill(key: string, options: FillOptions): Promise<Fill>;
  /** Removes the parts and turns running fills away; gives whether the first part was there. */
  delete(key: string, parts: readonly string[]): Promise<boolean>;
  /** Makes every entry with one of the tags stale. One command. */
  invalidateTags(tags: readonly string[]): Promise<void>;
  /** Makes every entry of the namespace stale. One command. */
  clear(): Promise<void>;
  /** How long one call may take, in milliseconds. */
  readonly deadlineMs: number;
  /** Redis time in milliseconds, as far as this process has seen it; for `Age` and the like. */
  now(): number;
}

/** Gives the store of one namespace. */
export function createEntryStore(options: EntryStoreOptions): EntryStore {
  const { redis, onCorrupt, now: localNow = Date.now } = options;
  const guard = createStoreGuard(options);
  const keyspace = createKeyspace(options.prefix, options.namespace);
  const isCluster = typeof Reflect.get(redis, 'nodes') === 'function';
  const versions = createVersionReader(redis, keyspace, isCluster);
  let clockOffsetMs = 0;
  const now = () => localNow() + clockOffsetMs;

  return {
    now,
    deadlineMs: options.deadlineMs,
    async read(key, parts, { tags = [], isFenced = false } = {}) {
      const own = parts.map((part) => keyspace.part(key, part));
      if (isFenced) own.push(keyspace.fence(key));
      const { values, seen } = await guard.run(() => versions.read(own, tags));
      const fence = isFenced ? values[parts.length]?.toString('latin1') : '';
      const frames = parts.map((_part, index) => {
        const bytes = values[index];
        if (bytes === undefined) return undefined;
        const frame = decodeFrame(bytes);
        if (frame === undefined) onCorrupt(key);
        return frame !== undefined && frame.fence === fence ? frame : undefined;
      });
      const unseen = [...new Set(frames.flatMap((frame) => tagsOf(frame)))].filter((tag) => !seen.tags.has(tag));
      if (unseen.length > 0) {
        for (const [tag, version] of await guard.run(() => versions.readTags(unseen))) seen.tags.set(tag, version);
      }
      return frames.map((frame) => (frame !== undefined && isCurrent(frame, seen) ? frame : undefined));
    },

    async startFill(key, { tags = [], holdMs, isFenced = false, takesOver = false }) {
      const fenceKey = keyspace.fence(key);
      const markerKeys = [keyspace.generation, ...tags.map((tag) => keyspace.tag(tag))];
      const hold = (keys: string[], replacesFirst: boolean) => startFill(redis, keys, { holdMs, replacesFirst });
      const held = await guard.run(async () => {
        if (!isCluster) return hold([fenceKey, ...markerKeys], takesOver);
        const [own, markers] = await Promise.all([hold([fenceKey], takesOver), hold(markerKeys, false)]);
        return { timeMs: own.timeMs, versions: [...own.versions, ...markers.versions] };
      });
      clockOffsetMs = held.timeMs - localNow();
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
      return {
        async commit(writes) {
          const storedAtMs = now();
          const puts = writes.map(({ part, kind, body, ttlMs, lingers = false }) => ({
            key: keyspace.part(key, part),
            frame: ttlMs === 0 ? Buffer.alloc(0) : encodeFrame({ kind, lingers, storedAtMs, body, ...stamp }),
            ttlMs,
          }));
          const lifeMs = Math.max(...writes.map(({ ttlMs }) => ttlMs));
          return guard.run(async () => {
            if (!isCluster) return commitFill(redis, [fenceHeld, ...markersHeld], puts, lifeMs);
            // The markers lie in another slot. A frame that this writes too late is stale when it is read.
            const [isWritten, areCurrent] = await Promise.all([
              commitFill(redis, [fenceHeld], puts, lifeMs),
              commitFill(redis, markersHeld, [], lifeMs),
            ]);
            return isWritten && areCurrent;
          });
        },
      };
    },

    delete: (key, parts) => {
      const keys = parts.map((part) => keyspace.part(key, part));
      return guard.run(() => deleteEntry(redis, keyspace.fence(key), keys));
    },
    async invalidateTags(tags) {
      if (tags.length > 0) await guard.run(() => redis.call('unlink', ...tags.map((tag) => keyspace.tag(tag))));
    },
    async clear() {
      await guard.run(() => redis.call('unlink', keyspace.generation));
    },
  };
}

function tagsOf(frame: Frame | undefined): string[] {
  return frame?.tags.filter((_text, index) => index % 2 === 0) ?? [];
}

function isCurrent(frame: Frame, seen: { generation: string | undefined; tags: Map<string, string | undefined> }) {
  if (frame.generation !== seen.generation) return false;
  for (let index = 0; index < frame.tags.length; index += 2) {
    if (seen.tags.get(frame.tags[index] ?? '') !== frame.tags[index + 1]) return false;
  }
  return true;
}
