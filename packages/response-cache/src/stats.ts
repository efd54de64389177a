// Counts what happens, from the events.

import type { ResponseCacheEvent } from './events.js';

/** What this process has seen since the cache was made. */
export interface ResponseCacheStats {
  readonly hits: number;
  readonly misses: number;
  /** Answered by what was stale. */
  readonly stale: number;
  readonly revalidated: number;
  /** Answered by what another request had made at the same time. */
  readonly coalesced: number;
  readonly bypassed: number;
  readonly stored: number;
  /** Bytes of the bodies that were stored. */
  readonly storedBytes: number;
  readonly notStored: number;
  readonly storeFailures: number;
  /** Share of the lookups that were answered without the handler, from 0 to 1. */
  readonly hitRatio: number;
}

export interface Stats {
  readonly count: (event: ResponseCacheEvent) => void;
  readonly read: () => ResponseCacheStats;
}

export function createStats(): Stats {
  const counts = new Map<ResponseCacheEvent['type'], number>();
  let storedBytes = 0;
  const of = (type: ResponseCacheEvent['type']) => counts.get(type) ?? 0;
  return {
    count(event) {
      counts.set(event.type, of(event.type) + 1);
      if (event.type === 'stored') storedBytes += event.bytes;
    },
    read() {
      // A request that was coalesced, or covered when the handler failed, was reported as a miss first.
      const [hits, stale, coalesced] = [of('hit'), of('stale'), of('coalesced')];
      const answered = hits + stale + coalesced;
      const misses = Math.max(0, of('miss') - coalesced);
      return {
        hits,
        misses,
        stale,
        revalidated: of('revalidated'),
        coalesced,
        bypassed: of('bypass'),
        stored: of('stored'),
        storedBytes,
        notStored: of('not-stored'),
        storeFailures: of('store-failure'),
        hitRatio: answered === 0 ? 0 : answered / (answered + misses),
      };
    },
  };
}
