// The parts of which an entry of this cache consists: the value, a mark that lives as long as it is fresh (only where the
// value outlives its freshness, so that Redis and no clock of ours tells fresh from stale), and a record of a failed load.

import { decompress } from './compression.js';
import type { Entry, EntryStore, Look, Sight, Write } from './entry-store.js';
import type { LoadFailure } from './errors.js';
import { Kind } from './frame.js';
import type { Remembered } from './memory.js';
import { drawRefreshAt } from './refresh-ahead.js';
import { decodeValue, type EncodedValue } from './value-codec.js';

const VALUE = '';
const FRESH = 'fresh';
const FAILURE = 'failure';
const NOTHING = Buffer.alloc(0);

/** All parts, the one by which a key is known first. */
export const PARTS: readonly string[] = [VALUE, FRESH, FAILURE];

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

/** @param maxBytes what a compressed value may grow to */
export async function lookUp(
  entries: EntryStore,
  key: string,
  tags: readonly string[],
  maxBytes: number,
): Promise<Found> {
  return interpret(
    await (entries.isPlain ? lookStepwise(entries, key, tags) : entries.look(key, PARTS, { tags })),
    maxBytes,
  );
}

/** Gives the fresh values of many keys. */
export async function lookUpMany(
  entries: EntryStore,
  keys: readonly string[],
  tags: readonly string[],
  maxBytes: number,
): Promise<Found[]> {
  const looks = entries.isPlain
    ? keys.map((key) => lookStepwise(entries, key, tags))
    : await entries.lookMany(keys, [VALUE, FRESH], { tags });
  return Promise.all(looks.map(async (look) => interpret(await look, maxBytes)));
}

/** One GET for a hit: where each part is a command of its own, the others are asked for only when they matter. */
async function lookStepwise(entries: EntryStore, key: string, tags: readonly string[]): Promise<Look> {
  const { entries: first, sight } = await entries.look(key, [VALUE], { tags });
  const [entry] = first;
  if (entry !== undefined && !entry.lingers) return { entries: first, sight };
  const [mark] = entry === undefined ? [] : (await entries.look(key, [FRESH])).entries;
  const [failed] = mark === undefined ? (await entries.look(key, [FAILURE])).entries : [];
  return { entries: [entry, mark, failed], sight };
}

async function interpret({ entries: [entry, mark, failed], sight }: Look, maxBytes: number): Promise<Found> {
  const body = entry?.isCompressed === true ? await decompress(entry.body, maxBytes) : entry?.body;
  const known = entry && body && decodeValue(entry.kind, body);
  const isFresh = entry?.softAtMs === 0 && (!entry.lingers || mark !== undefined);
  const failure = failed?.softAtMs === 0 ? (decodeValue(failed.kind, failed.body)?.value as LoadFailure) : undefined;
  // What was stored without a stale time has none: a soft purge is the end of it.
  const stale = entry?.lingers === true ? known : undefined;
  return { ...(isFresh ? { fresh: known } : { stale }), failure, sight, entry };
}

export function valueWrites(encoded: EncodedValue, ttlMs: number, staleMs: number, costMs: number): Write[] {
  const lingers = staleMs > 0;
  return [
    { part: VALUE, ...encoded, ttlMs: ttlMs + staleMs, lingers, freshMs: ttlMs, costMs },
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
  // In memory a value ends where the draw falls: Redis is asked, and the draw there made anew.
  const freshUntilMs = drawRefreshAt(entry, 1 - Math.random());
  return { value: fresh.value, tags: entry.tags, bytes: entry.body.length, freshUntilMs };
}
