// The layer below the cache: reads and writes frames, knows versions, decides nothing about loading. An entry is as good as
// the versions it was made under: those of its namespace, its tags and, where asked for, its key. They are compared for
// equality when it is read, and a version that is missing — evicted, expired, purged — makes it stale. So a purge is one
// UNLINK, costs nothing per entry, and no clock takes part.
//
// A value that is being made holds the versions from before (`startFill`) and is written only if they still stand
// (`commit`), so that a purge wins over every load that began before it, in any process.

import { createStoreGuard, type RedisClient } from '@sallyport/core';
import { createFills, type Busy, type ClaimOptions, type Fill, type FillOptions, type Sight } from './fills.js';
import { createFrameReader, HEADER_BYTES, type Frame } from './frame.js';
import { createKeyspace } from './keyspace.js';
import { deleteEntry } from './scripts/delete-entry.js';
import type { MemoryLimits } from './memory.js';
import { openMemory, type MemoryReport, type OpenMemory } from './open-memory.js';
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
export type Entry = Pick<Frame, 'kind' | 'lingers' | 'storedAtMs' | 'freshMs' | 'costMs' | 'tags' | 'body'>;

/** What `look` gives. */
export interface Look {
  /** The parts, in order; `undefined` for one that is missing, purged or damaged. */
  readonly entries: readonly (Entry | undefined)[];
  readonly sight: Sight;
}

/** Reads and writes parts of entries; every method rejects with StoreUnavailableError within the deadline. */
export interface EntryStore {
  /** Gives the parts, in order; `undefined` for one that is missing, purged or damaged. One command, two on a Cluster. */
  read(key: string, parts: readonly string[], options?: EntryRead): Promise<(Entry | undefined)[]>;
  /** Gives a read to be repeated: keys are built once, and heads of frames that have not changed are not parsed again. */
  prepare(key: string, parts: readonly string[], options?: EntryRead): () => Promise<(Entry | undefined)[]>;
  /** Reads like `read` and also gives what `claimFill` needs to know of it. */
  look(key: string, parts: readonly string[], options?: EntryRead): Promise<Look>;
  /** Takes hold of the versions; to be called before the value is loaded. One command, two on a Cluster. */
  startFill(key: string, options: FillOptions): Promise<Fill>;
  /**
   * Takes hold of the versions and of the lease on the key, or gives a way to wait for the process that holds it. The
   * lease lasts `leaseMs` and is renewed until the fill is committed or abandoned. One command, two on a Cluster.
   */
  claimFill(key: string, options: ClaimOptions): Promise<Fill | Busy>;
  /** Removes the parts and turns running fills away; gives whether the first part was there. */
  delete(key: string, parts: readonly string[]): Promise<boolean>;
  /** Makes every entry with one of the tags stale. One command. */
  invalidateTags(tags: readonly string[]): Promise<void>;
  /** Makes every entry of the namespace stale. One command. */
  clear(): Promise<void>;
  /**
   * Opens a memory that is dropped, entry by entry, when anything of the entry changes in Redis; `undefined` on a Cluster.
   * It has a connection of its own until it is closed.
   */
  openMemory(limits: MemoryLimits, report: MemoryReport): OpenMemory | undefined;
  /** How long one call may take, in milliseconds. */
  readonly deadlineMs: number;
  /** Redis time in milliseconds, as far as this process has seen it; for `Age` and the like. */
  now(): number;
}

/** The entry's value, its other parts and its fence. */
const ANY_PART = /^\{([^}]*)\}(?::(?!tag:|generation$).*)?$/;

const NOTHING = Buffer.alloc(0);

/** Gives the store of one namespace. */
export function createEntryStore(options: EntryStoreOptions): EntryStore {
  const { redis, onCorrupt, now: localNow = Date.now } = options;
  const guard = createStoreGuard(options);
  const keyspace = createKeyspace(options.prefix, options.namespace);
  const isCluster = typeof Reflect.get(redis, 'nodes') === 'function';
  const versions = createVersionReader(redis, guard, keyspace, isCluster);
  let clockOffsetMs = 0;
  const now = () => localNow() + clockOffsetMs;
  const onTime = (timeMs: number) => void (clockOffsetMs = timeMs - localNow());
  const fills = createFills({ redis, guard, keyspace, isCluster, now, onTime });

  function prepareLook(
    key: string,
    parts: readonly string[],
    { tags = [], isFenced = false }: EntryRead = {},
  ): () => Promise<Look> {
    const own = parts.map((part) => keyspace.part(key, part));
    if (isFenced) own.push(keyspace.fence(key));
    const markers = [keyspace.generation, ...tags.map((tag) => keyspace.tag(tag))];
    const readers = parts.map(() => createFrameReader());
    const text = (value: Buffer | undefined) => value?.toString('latin1');

    return async () => {
      const values = await versions.read(own, markers);
      const fence = isFenced ? text(values[parts.length]) : '';
      const frames = readers.map((read, index) => {
        const bytes = values[index];
        if (bytes === undefined) return undefined;
        const frame = read(bytes);
        if (frame === undefined) onCorrupt(key);
        return frame !== undefined && frame.fence === fence ? frame : undefined;
      });
      const seen = new Map(tags.map((tag, index) => [tag, text(values[own.length + 1 + index])]));
      const unseen = new Set<string>();
      for (const frame of frames) {
        frame?.tags.forEach((tag, index) => {
          if (index % 2 === 0 && !seen.has(tag)) unseen.add(tag);
        });
      }
      if (unseen.size > 0) {
        for (const [tag, version] of await versions.readTags([...unseen])) seen.set(tag, version);
      }
      const generation = text(values[own.length]);
      return {
        entries: frames.map((frame) => (frame !== undefined && isCurrent(frame, generation, seen) ? frame : undefined)),
        get sight() {
          const heads = parts.map((_part, index) => (values[index] ?? NOTHING).subarray(0, HEADER_BYTES));
          return { parts, heads: Buffer.concat(heads) };
        },
      };
    };
  }

  const store: EntryStore = {
    now,
    deadlineMs: options.deadlineMs,
    read: async (key, parts, how) => [...(await store.look(key, parts, how)).entries],
    prepare(key, parts, how) {
      const look = prepareLook(key, parts, how);
      return async () => [...(await look()).entries];
    },
    look: (key, parts, how) => prepareLook(key, parts, how)(),

    startFill: (key, fill) => fills.start(key, fill),
    claimFill: (key, fill) => fills.claim(key, fill),

    delete: (key, parts) => {
      const keys = parts.map((part) => keyspace.part(key, part));
      const lease = keyspace.lease(key);
      const channel = `${redis.options.keyPrefix ?? ''}${keyspace.channel}`;
      return guard.run(() =>
        deleteEntry(redis, keyspace.fence(key), keys, { key: lease, channel, message: `${lease} ` }),
      );
    },
    async invalidateTags(tags) {
      if (tags.length > 0) await guard.run(() => redis.call('unlink', ...tags.map((tag) => keyspace.tag(tag))));
    },
    openMemory: (l1, report) => openMemory({ ...options, l1 }, report, ANY_PART),
    async clear() {
      await guard.run(() => redis.call('unlink', keyspace.generation));
    },
  };
  return store;
}

function isCurrent(
  frame: Frame,
  generation: string | undefined,
  seen: ReadonlyMap<string, string | undefined>,
): boolean {
  if (frame.generation !== generation) return false;
  for (let index = 0; index < frame.tags.length; index += 2) {
    if (seen.get(frame.tags[index] ?? '') !== frame.tags[index + 1]) return false;
  }
  return true;
}
