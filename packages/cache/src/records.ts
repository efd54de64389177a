// The parts of which an entry of this cache consists: the value, a mark that lives as long as it is fresh (only where the
// value outlives its freshness, so that Redis and no clock of ours tells fresh from stale), and a record of a failed load.

import type { Entry, EntryStore } from './entry-store.js';
import type { LoadFailure } from './errors.js';
import type { Sight, Write } from './fills.js';
import { Kind } from './frame.js';
import type { Remembered } from './memory.js';
import { drawRefreshAt } from './refresh-ahead.js';
import { decodeValue, type EncodedValue } from './value-codec.js';

const FRESH = 'fresh';
const FAILURE = 'failure';
const NOTHING = Buffer.alloc(0);

/** All parts, the one by which a key is known first. */
export const PARTS: readonly string[] = ['', FRESH, FAILURE];

/** A value, which may be `undefined`. */
export interface Known {
  readonly value: unknown;
}

/** What stands in Redis for a key; at most one of `fresh` and `stale`. */
export interface Found {
  readonly fresh?: Known | undefined;
  readonly stale?: Known | undefined;
  readonly failure?: LoadFailure | undefined;
  readonly sight: Sight;
  /** The record of the value. */
  readonly entry: Entry | undefined;
}

export async function lookUp(entries: EntryStore, key: string, tags: readonly string[]): Promise<Found> {
  const {
    entries: [entry, mark, failed],
    sight,
  } = await entries.look(key, PARTS, { tags });
  const known = entry && decodeValue(entry.kind, entry.body);
  const isFresh = entry !== undefined && (!entry.lingers || mark !== undefined);
  const failure = failed && (decodeValue(failed.kind, failed.body)?.value as LoadFailure | undefined);
  return { ...(isFresh ? { fresh: known } : { stale: known }), failure, sight, entry };
}

export function valueWrites(encoded: EncodedValue, ttlMs: number, staleMs: number, costMs: number): Write[] {
  const lingers = staleMs > 0;
  return [
    { part: '', ...encoded, ttlMs: ttlMs + staleMs, lingers, freshMs: ttlMs, costMs },
    { part: FRESH, kind: Kind.Mark, body: NOTHING, ttlMs: lingers ? ttlMs : 0 },
    { part: FAILURE, kind: Kind.Failure, body: NOTHING, ttlMs: 0 },
  ];
}

export function failureWrites(failure: LoadFailure, errorTtlMs: number): Write[] {
  return [{ part: FAILURE, kind: Kind.Failure, body: Buffer.from(JSON.stringify(failure)), ttlMs: errorTtlMs }];
}

/** What may be kept of an error: no message, since those of drivers quote credentials and data. */
export function describeFailure(error: unknown): LoadFailure {
  if (typeof error !== 'object' || error === null) return { name: typeof error };
  const { name, code, status } = error as { name?: unknown; code?: unknown; status?: unknown };
  return {
    name: typeof name === 'string' ? name : 'Error',
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof status === 'number' ? { status } : {}),
  };
}

/** Reads what another process told about its failure; anything else is `undefined`. */
export function parseFailure(text: string | undefined): LoadFailure | undefined {
  if (text === undefined) return undefined;
  const failure = decodeValue(Kind.Failure, Buffer.from(text))?.value;
  return typeof failure === 'object' && failure !== null && 'name' in failure ? (failure as LoadFailure) : undefined;
}

/** What memory needs to know of a value that was found. */
export function toRemember({ fresh, entry }: Found): Remembered | undefined {
  if (fresh === undefined || entry === undefined) return undefined;
  const tags = entry.tags.filter((_text, index) => index % 2 === 0);
  // In memory a value ends where the draw falls: Redis is asked, and the draw there made anew.
  const freshUntilMs = drawRefreshAt(entry, 1 - Math.random());
  return { value: fresh.value, tags, bytes: entry.body.length, freshUntilMs };
}
