// From a loaded value to its record: how long it lives, which form it takes, and why it may not be stored.

import type { EventSink } from '@sallyport/core';
import { compress } from './compression.js';
import type { EntryStore, Fill, Write } from './entry-store.js';
import type { CacheEvent } from './events.js';
import { SAYS_NOTHING, type LoaderSays } from './load.js';
import type { CacheSettings, CallSettings } from './options.js';
import { PARTS, valueWrites } from './records.js';
import { encodeValue } from './value-codec.js';

/** Says to those who wait that the value was not stored. */
export const UNSTORED = '-';

/** `refused`: too large, its TTL is 0, or the loader said so. */
export type StoreResult = 'stored' | 'overtaken' | 'refused';

/** A value that a load gave. */
export interface Loaded {
  readonly value: unknown;
  readonly says: LoaderSays;
  readonly costMs: number;
}

export interface ValueWriter {
  /** Writes through a fill, which holds the versions from before the load. */
  commit(fill: Fill, key: string, loaded: Loaded, call: CallSettings): Promise<StoreResult>;
  /** Writes what was not loaded; gives whether it was stored. */
  put(key: string, value: unknown, call: CallSettings): Promise<boolean>;
}

export function createValueWriter(
  entries: EntryStore,
  settings: CacheSettings,
  events: EventSink<CacheEvent>,
): ValueWriter {
  function jittered(ttlMs: number): number {
    return Math.ceil(ttlMs * (1 - (settings.jitterPercent / 100) * Math.random()));
  }

  /** Gives `undefined` when the value is not to be stored. */
  async function prepare(
    key: string,
    { value, says, costMs }: Loaded,
    call: CallSettings,
  ): Promise<Write[] | undefined> {
    const ttlMs = jittered(says.ttlMs ?? call.ttlOf(value));
    const plain = encodeValue(value);
    const { length } = plain.body;
    const reason = !says.isStored
      ? 'by-loader'
      : ttlMs === 0
        ? 'ttl-zero'
        : length > settings.maxValueBytes
          ? 'too-large'
          : undefined;
    if (reason !== undefined) return events.emit({ type: 'not-stored', key, reason }) as undefined;
    const encoded = length >= settings.compressFromBytes ? await compress(plain) : plain;
    return valueWrites(encoded, ttlMs, call.staleMs, costMs);
  }

  return {
    async commit(fill, key, loaded, call) {
      let writes: Write[] | undefined;
      try {
        writes = await prepare(key, loaded, call);
      } finally {
        // Also after an error: the others are to find out for themselves, and not to wait for what won't come.
        if (writes === undefined) await fill.abandon(UNSTORED);
      }
      if (writes === undefined) return 'refused';
      if (await fill.commit(writes, loaded.says.tags)) return 'stored';
      events.emit({ type: 'not-stored', key, reason: 'overtaken' });
      return 'overtaken';
    },
    async put(key, value, call) {
      const writes = await prepare(key, { value, says: SAYS_NOTHING, costMs: 0 }, call);
      // A value that can't be stored must not leave an older one in its place.
      if (writes === undefined) await entries.delete(key, PARTS);
      else await entries.put(key, writes, call.tags);
      return writes !== undefined;
    },
  };
}
