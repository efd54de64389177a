// Reads of hot URLs, kept to be repeated: the keys are built once, and what has not changed since the last time — frames,
// record, head of the response — is compared and not parsed. What is kept decides nothing: each read asks Redis.

import type { Entry, EntryStore, Sight } from '@sallyport/cache';
import type { Stored } from './replay.js';
import { createResponseReader } from './response-frame.js';
import { freshPart, parseRecord, RECORD, variantPart, type UrlRecord } from './url-record.js';

/** What stands in Redis for one variant. */
export interface VariantRead {
  readonly record: UrlRecord | undefined;
  readonly response: Stored | undefined;
  /** Tags of both. */
  readonly tags: readonly string[];
  /** How it looked, for the lease. */
  readonly sight: Sight;
}

export type Lookup = () => Promise<VariantRead>;

export interface Lookups {
  /** @param tags that the entries are expected to carry */
  of(id: string, variant: string, tags: readonly string[]): Lookup;
}

const MAX_KNOWN = 1_000;

export function createLookups(entries: EntryStore): Lookups {
  const known = new Map<string, { readonly tags: readonly string[]; readonly lookup: Lookup }>();
  return {
    of(id, variant, tags) {
      // The name of a variant has no blank.
      const name = `${variant} ${id}`;
      const found = known.get(name);
      if (found !== undefined && isSameList(found.tags, tags)) return found.lookup;
      const lookup = createLookup(entries, id, variant, tags);
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(name, { tags, lookup });
      return lookup;
    },
  };
}

/** Whether both hold the same, in the same order. */
export function isSameList(one: readonly string[], other: readonly string[]): boolean {
  if (one === other) return true;
  return one.length === other.length && one.every((text, index) => text === other[index]);
}

function createLookup(entries: EntryStore, id: string, variant: string, tags: readonly string[]): Lookup {
  const parts = [RECORD, variantPart(variant), freshPart(variant)];
  const how = { tags, isFenced: true };
  const readResponse = createResponseReader();
  const readRecord = createRecordReader();
  return entries.prepareLook<VariantRead>(id, parts, how, ({ entries: [recordEntry, entry, mark], sight }) => {
    const record = recordEntry && readRecord(recordEntry);
    const response = entry && readResponse(entry.body);
    if (entry === undefined || response === undefined) return { record, response: undefined, tags: [], sight };
    const { status, headers, body, isShared, ageSeconds, life } = response;
    const { storedAtMs, softAtMs } = entry;
    const isFresh = softAtMs === 0 && (!entry.lingers || mark !== undefined);
    return {
      record,
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
