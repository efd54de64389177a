// The layer below the cache: reads and writes frames, knows versions, decides nothing about loading. An entry is as good as
// the versions it was made under: those of its namespace, its tags and, where asked for, its key. They are compared for
// equality when it is read, and a version that is missing — evicted, expired, purged — makes it void. So a purge is one
// command, costs nothing per entry, and no clock takes part.
//
// A value that is being made holds the versions from before (`startFill`) and is written only if they still stand
// (`commit`), so that a purge wins over every load that began before it, in any process.

import type { Frame } from './frame.js';
import type { MemoryReport, OpenMemory } from './open-memory.js';
import type { L1Options } from './options.js';

/** How an entry is looked up. */
export interface EntryRead {
  /** Tags that the entry is expected to carry; other tags cost a second command. */
  readonly tags?: readonly string[];
  /** The entry also depends on the version of its key, see {@link FillOptions.isFenced}. */
  readonly isFenced?: boolean;
}

/** A valid record. */
export interface Entry extends Pick<
  Frame,
  'kind' | 'lingers' | 'isCompressed' | 'storedAtMs' | 'freshMs' | 'costMs' | 'tags' | 'body'
> {
  /** When a soft purge reached it, Redis time in ms; 0 when none did. */
  readonly softAtMs: number;
}

/** What `look` gives. */
export interface Look {
  /** The parts, in order; `undefined` for one that is missing, purged or damaged. Softly purged ones are there. */
  readonly entries: readonly (Entry | undefined)[];
  readonly sight: Sight;
}

/** How an entry looked when it was read. */
export interface Sight {
  readonly parts: readonly string[];
  /** The first bytes of each part. */
  readonly heads: Buffer;
}

export interface FillOptions {
  readonly tags?: readonly string[];
  /** Longest time between start and commit; a later commit is refused. */
  readonly holdMs: number;
  /** Every part stays bound to the key's version, so that `delete` also reaches parts that it isn't told of. @default false */
  readonly isFenced?: boolean;
}

export interface ClaimOptions extends FillOptions {
  readonly leaseMs: number;
  /** What `look` gave: when the entry has changed since, there is nothing to load. */
  readonly sight?: Sight;
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
  /** @default false */
  readonly isCompressed?: boolean;
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
   * @param lateTags tags that were not known at the start; nothing is written when any tag was purged meanwhile
   * @returns `false` when a purge or another writer came after the start: what was loaded may be old by now
   * @throws {StoreUnavailableError} when Redis did not answer in time
   */
  commit(writes: readonly Write[], lateTags?: readonly string[]): Promise<boolean>;
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

/** How a purge is meant. */
export interface PurgeOptions {
  /** The entries become stale and may be served as such; else they are gone. @default false */
  readonly soft?: boolean;
}

/** Reads and writes parts of entries; every method rejects with StoreUnavailableError within the deadline. */
export interface EntryStore {
  /** Gives the parts, in order; `undefined` for one that is missing, purged or damaged. One command, two on a Cluster. */
  read(key: string, parts: readonly string[], options?: EntryRead): Promise<(Entry | undefined)[]>;
  /** Reads like `read`, what is softly purged too, and gives what `claimFill` needs to know of it. */
  look(key: string, parts: readonly string[], options?: EntryRead): Promise<Look>;
  /** Looks at the same parts of several keys. One command; on a Cluster one per key, and one. */
  lookMany(keys: readonly string[], parts: readonly string[], options?: EntryRead): Promise<Look[]>;
  /**
   * Gives a look to be repeated, and what `interpret` makes of it. The keys are built once, what has not changed since the
   * last time is not parsed again, and calls of one turn of the event loop share one read and its outcome.
   */
  prepareLook<T>(
    key: string,
    parts: readonly string[],
    options: EntryRead,
    interpret: (look: Look) => T,
  ): () => Promise<T>;
  /** Takes hold of the versions; to be called before the value is loaded. One command, two on a Cluster. */
  startFill(key: string, options: FillOptions): Promise<Fill>;
  /**
   * Takes hold of the versions and of the lease on the key, or gives a way to wait for the process that holds it. The
   * lease lasts `leaseMs` and is renewed until the fill is committed or abandoned. One command, two on a Cluster.
   */
  claimFill(key: string, options: ClaimOptions): Promise<Fill | Busy>;
  /** Writes without a load, and turns running fills of the key away. One command, two on a Cluster. */
  put(key: string, writes: readonly Write[], tags: readonly string[]): Promise<void>;
  /** Removes the parts, or softens them, and turns running fills away; gives whether the first part was there. */
  delete(key: string, parts: readonly string[], options?: PurgeOptions): Promise<boolean>;
  /** Makes every entry with one of the tags void, or stale. One command. */
  invalidateTags(tags: readonly string[], options?: PurgeOptions): Promise<void>;
  /** Makes every entry of the namespace void, or stale. One command. */
  clear(options?: PurgeOptions): Promise<void>;
  /**
   * Opens a memory whose entries are dropped when any part of them changes in Redis; `undefined` in plain mode. To be closed
   * after use.
   */
  openMemory(limits: Required<L1Options>, report: MemoryReport): OpenMemory | undefined;
  /** How long one call may take, in milliseconds. */
  readonly deadlineMs: number;
  /** Only GET, SET and DEL are sent: no versions, no leases. */
  readonly isPlain: boolean;
  /** Redis time in milliseconds, as far as this process has seen it; for `Age` and the like. */
  now(): number;
}
