// Reads of hot URLs, kept to be repeated: the keys are built once, and what has not changed since the last time — frames,
// record, head of the response — is compared and not parsed. What is kept decides nothing: each read asks Redis.

import type { Entry, EntryStore, Sight } from '@sallyport/cache';
import type { Stored } from './replay.js';
import { createResponseReader } from './response-frame.js';
import { freshPart, parseRecord, RECORD, variantPart, type UrlRecord } from './url-record.js';

/** What stands in Redis for one variant. */
export interface VariantRead {
  readonly variant: string;
  readonly record: UrlRecord;
  readonly response: Stored | undefined;
  /** The headers that tell variants apart are other ones: this is not what the client asks for. */
  readonly isOther: boolean;
  /** Tags of the response. */
  readonly tags: readonly string[];
  /** How it looked, for the lease. */
  readonly sight: Sight;
}

/** What a lookup asks for. */
export interface Wanted {
  readonly id: string;
  readonly variant: string;
  /** Request headers that the name of the variant was made of. */
  readonly names: readonly string[];
  /** Tags that the entries are expected to carry. */
  readonly tags: readonly string[];
}

export type Lookup = () => Promise<VariantRead>;

export interface Lookups {
  of(wanted: Wanted): Lookup;
}

const MAX_KNOWN = 1_000;

/** @param baseNames header names that always tell variants apart */
export function createLookups(entries: EntryStore, baseNames: readonly string[]): Lookups {
  const nothing: UrlRecord = { names: baseNames, ids: [], tags: [], lifeMs: 0 };
  // Two steps, since a name made of both would have to be hashed for each request.
  let known = new Map<string, Map<string, { readonly tags: readonly string[]; readonly lookup: Lookup }>>();
  let size = 0;
  return {
    of(wanted) {
      const { id, variant, tags } = wanted;
      const found = known.get(id)?.get(variant);
      if (found !== undefined && isSameList(found.tags, tags)) return found.lookup;
      const lookup = createLookup(entries, wanted, nothing);
      if (size >= MAX_KNOWN) {
        known = new Map();
        size = 0;
      }
      size += 1;
      const variants = known.get(id) ?? new Map();
      known.set(id, variants.set(variant, { tags, lookup }));
      return lookup;
    },
  };
}

/** Whether both hold the same, in the same order. */
export function isSameList(one: readonly string[], other: readonly string[]): boolean {
  if (one === other) return true;
  return one.length === other.length && one.every((text, index) => text === other[index]);
}

/** @param nothing the record of a URL that has none */
function createLookup(entries: EntryStore, { id, variant, names, tags }: Wanted, nothing: UrlRecord): Lookup {
  const parts = [RECORD, variantPart(variant), freshPart(variant)];
  const how = { tags, isFenced: true };
  const readResponse = createResponseReader();
  const readRecord = createRecordReader();
  return entries.prepareLook<VariantRead>(id, parts, how, ({ entries: [recordEntry, entry, mark], sight }) => {
    const known = recordEntry && readRecord(recordEntry);
    const record = known ?? nothing;
    const isOther = known !== undefined && !isSameList(known.names, names);
    // Without the record nobody knows which headers matter: what was found may be for another client.
    const response = known === undefined || isOther ? undefined : entry && readResponse(entry.body);
    if (entry === undefined || response === undefined) {
      return { variant, record, response: undefined, isOther, tags: [], sight };
    }
    const { status, headers, body, isShared, ageSeconds, life } = response;
    const { storedAtMs, softAtMs } = entry;
    const isFresh = softAtMs === 0 && (!entry.lingers || mark !== undefined);
    return {
      variant,
      record,
      isOther,
      response: { status, headers, body, isShared, ageSeconds, life, isFresh, storedAtMs, softAtMs },
      tags: entry.tags,
      sight,
    };
  });
}

function createRecordReader(): (entry: Entry) => UrlRecord | undefined {
  let bytes: Buffer | undefined;
  let record: UrlRecord | undefined;
  return ({ body }) => {
    if (bytes === undefined || !bytes.equals(body)) {
      record = parseRecord(body);
      bytes = Buffer.from(body);
    }
    return record;
  };
}
