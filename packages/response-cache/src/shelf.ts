// Where the responses of a URL stand. A record lists the request headers that tell its variants apart and the variants;
// each variant is a part of its own in the same slot, bound to the version of the key, so that removing the record removes
// them all. A lookup is one MGET of record and variant: which headers matter is remembered from the last time, and only
// when that was wrong is the right variant read by a second one.

import {
  Kind,
  type Busy,
  type EntryStore,
  type Fill,
  type PurgeOptions,
  type Sight,
  type Write,
} from '@sallyport/cache';
import type { IncomingHttpHeaders } from 'node:http';
import type { MemoryShelf } from './memory-shelf.js';
import type { Stored } from './replay.js';
import { decodeResponse, encodeResponse, type StoredResponse } from './response-frame.js';
import { createLookups, type VariantRead } from './lookups.js';
import { uniteTags } from './response-tags.js';
import { freshPart, parseRecord, RECORD, variantPart, type UrlRecord } from './url-record.js';
import { unite, variantId } from './vary.js';

const MAX_VARIANTS = 32;
const MAX_REMEMBERED = 10_000;
/** A response that takes longer than this from lookup to end is not stored. */
const HOLD_MS = 60_000;
/** Another process revalidates when the one that does so has been silent for this long. */
const LEASE_MS = 5_000;

/** What this process knows of a URL from the last time. */
type Remembered = Pick<UrlRecord, 'names' | 'tags'>;

/** A request, as far as it chooses among variants. */
export interface Selector {
  readonly id: string;
  readonly origin: string;
  readonly headers: IncomingHttpHeaders;
  readonly tags: readonly string[];
}

/** What a lookup gave. */
export interface Found {
  readonly response?: Stored | undefined;
  readonly record: UrlRecord;
  /** Other headers tell the variants apart than those that were looked up: there may be a response, see `findOther`. */
  readonly isOther?: boolean;
  /** How it looked in Redis; not with what is recalled. */
  readonly sight?: Sight;
}

/** What is stored for a URL, for administration. */
export interface CachedUrl {
  /** Request headers that tell the variants apart. */
  readonly vary: readonly string[];
  readonly responses: readonly {
    readonly status: number;
    readonly headers: StoredResponse['headers'];
    readonly bodyBytes: number;
  }[];
}

/** How a response is stored. */
export interface HowToStore {
  readonly names: readonly string[];
  /** Tags that the handler gave. */
  readonly tags: readonly string[];
  readonly ttlMs: number;
  readonly keepMs: number;
}

export interface Shelf {
  /** Looks into this process's memory. */
  readonly recall: (selector: Selector) => Found | undefined;
  /** Looks into Redis. */
  readonly find: (selector: Selector) => Promise<Found>;
  /** Looks once more, by the headers that were found to matter. */
  readonly findOther: (selector: Selector, found: Found) => Promise<Found>;
  /** Tags that its response will have, as far as is known. */
  readonly tagsFor: (selector: Selector, record: UrlRecord) => readonly string[];
  readonly startFill: (selector: Selector, tags: readonly string[]) => Promise<Fill>;
  /** Stores the variant; gives `false` when a purge came first. */
  readonly store: (
    fill: Fill,
    selector: Selector,
    record: UrlRecord,
    response: StoredResponse,
    how: HowToStore,
  ) => Promise<boolean>;
  readonly inspect: (id: string) => Promise<CachedUrl | undefined>;
  /** Takes the lease on the key; gives what waits when another process has it, or has changed what was seen. */
  readonly claim: (id: string, sight: Sight | undefined) => Promise<Fill | Busy>;
  readonly remove: (id: string, how?: PurgeOptions) => Promise<boolean>;
  readonly invalidateTags: (tags: readonly string[], how?: PurgeOptions) => Promise<void>;
  readonly clear: (how?: PurgeOptions) => Promise<void>;
  readonly close: () => void;
}

/** @param baseNames header names that always tell variants apart */
export function createShelf(entries: EntryStore, baseNames: readonly string[], memory: MemoryShelf | undefined): Shelf {
  const remembered = new Map<string, Remembered>();
  const nothingKnown: Remembered = { names: baseNames, tags: [] };
  const lookups = createLookups(entries, baseNames);

  function remember(id: string, names: readonly string[], tags: readonly string[]): void {
    const known = remembered.get(id)?.tags ?? [];
    remembered.delete(id);
    remembered.set(id, { names, tags: uniteTags(tags, known) });
    if (remembered.size <= MAX_REMEMBERED) return;
    for (const [oldest] of remembered) {
      remembered.delete(oldest);
      break;
    }
  }

  function look({ id, origin, headers, tags }: Selector): Promise<VariantRead> {
    const { names, tags: known } = remembered.get(id) ?? nothingKnown;
    const expected = known.length === 0 ? tags : uniteTags(tags, known);
    return lookups.of({ id, variant: variantId(origin, names, headers), names, tags: expected })();
  }

  async function findOther(selector: Selector, { record }: Found): Promise<VariantRead> {
    remember(selector.id, record.names, record.tags);
    return { ...(await look(selector)), record, isOther: false };
  }

  async function findAndKeep(selector: Selector, shelf: MemoryShelf): Promise<Found> {
    const reading = shelf.begin(selector.id);
    try {
      const first = await look(selector);
      const found = first.isOther ? await findOther(selector, first) : first;
      shelf.end(reading, found, found.variant, found.tags);
      return found;
    } finally {
      // Ends it where it was not ended above.
      shelf.end(reading);
    }
  }

  return {
    recall: (selector) => memory?.find(selector),
    find: memory === undefined ? look : (selector) => findAndKeep(selector, memory),
    findOther,

    tagsFor: ({ id, tags }, record) => uniteTags(tags, uniteTags(record.tags, remembered.get(id)?.tags ?? [])),
    startFill: ({ id }, tags) => entries.startFill(id, { tags, holdMs: HOLD_MS, isFenced: true }),

    store: (fill, { id, origin, headers }, record, response, how) => {
      const names = unite(record.names, how.names);
      const isSame = names.join() === record.names.join();
      const variant = variantId(origin, names, headers);
      // Under other names the old variants can't be found any more.
      const others = (isSame ? record.ids : []).filter((known) => known !== variant);
      const dropped = isSame ? others.splice(0, others.length - (MAX_VARIANTS - 1)) : record.ids;
      const ttlMs = how.ttlMs + how.keepMs;
      const lifeMs = Math.max(ttlMs, isSame ? record.lifeMs : 0);
      const tags = uniteTags(how.tags, record.tags);
      const ids = [...others, variant];
      const body = Buffer.from(JSON.stringify({ names, ids, tags, lifeMs } satisfies UrlRecord));
      const writes: Write[] = [
        { part: RECORD, kind: Kind.Json, body, ttlMs: lifeMs },
        {
          part: variantPart(variant),
          kind: Kind.Bytes,
          body: encodeResponse(response),
          ttlMs,
          lingers: how.keepMs > 0,
        },
        // The mark's own expiry ends the freshness of what lingers: Redis keeps the time, and no client's clock counts.
        ...(how.keepMs > 0
          ? [{ part: freshPart(variant), kind: Kind.Mark, body: Buffer.alloc(0), ttlMs: how.ttlMs }]
          : []),
        ...dropped.map((gone) => ({ part: variantPart(gone), kind: Kind.Bytes, body: Buffer.alloc(0), ttlMs: 0 })),
      ];
      remember(id, names, how.tags);
      // Tags that the fill doesn't hold: nothing is written when any tag was purged while the handler ran.
      return fill.commit(writes, how.tags);
    },

    async inspect(id) {
      const [recordEntry] = await entries.read(id, [RECORD], { isFenced: true });
      const record = recordEntry && parseRecord(recordEntry.body);
      if (record === undefined) return undefined;
      const found = await entries.read(id, record.ids.map(variantPart), { isFenced: true });
      const responses = found.flatMap((entry) => (entry && decodeResponse(entry.body)) ?? []);
      return {
        vary: record.names,
        responses: responses.map(({ status, headers, body }) => ({ status, headers, bodyBytes: body.length })),
      };
    },

    claim: (id, sight) =>
      entries.claimFill(id, { leaseMs: LEASE_MS, holdMs: HOLD_MS, isFenced: true, ...(sight && { sight }) }),
    async remove(id, how) {
      memory?.drop(id);
      const wasThere = await entries.delete(id, [RECORD], how);
      // Once more: a read that began meanwhile may have been answered before the purge.
      memory?.drop(id);
      return wasThere;
    },
    async invalidateTags(tags, how) {
      memory?.dropTags(tags);
      await entries.invalidateTags(tags, how);
      memory?.dropTags(tags);
    },
    async clear(how) {
      memory?.flush();
      await entries.clear(how);
      memory?.flush();
    },
    close: () => memory?.close(),
  };
}
