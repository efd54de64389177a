// Counts what happens, from the events.

import { createEventSink, type EventSink } from '@sallyport/core';
import type { IdempotencyEvent } from './events.js';

/** What this process has seen since the middleware was made. */
export interface IdempotencyStats {
  /** Requests whose handler was let run. */
  readonly claimed: number;
  /** Those of them that another run had left unfinished, with steps to resume after. */
  readonly resumed: number;
  /** Duplicates that have waited for an answer. */
  readonly waited: number;
  readonly replayed: number;
  readonly conflicts: number;
  readonly mismatches: number;
  readonly outcomesUnknown: number;
  readonly kept: number;
  readonly released: number;
  readonly leasesLost: number;
  /** Answers that came too late to count. */
  readonly refused: number;
  readonly storeFailures: number;
  readonly unprotected: number;
}

/** Events on their way to who listens, counted. */
export interface CountedEvents extends EventSink<IdempotencyEvent> {
  readonly read: () => IdempotencyStats;
}

/** Gives the sink of one middleware. */
export function createCountedEvents(onEvent: ((event: IdempotencyEvent) => void) | undefined): CountedEvents {
  const sink = createEventSink<IdempotencyEvent>('idempotency', onEvent);
  const counts = new Map<IdempotencyEvent['type'], number>();
  const of = (type: IdempotencyEvent['type']) => counts.get(type) ?? 0;
  let resumed = 0;
  return {
    isActive: true,
    emit(event) {
      counts.set(event.type, of(event.type) + 1);
      if (event.type === 'claimed' && event.steps > 0) resumed += 1;
      sink.emit(event);
    },
    read: () => ({
      claimed: of('claimed'),
      resumed,
      waited: of('waiting'),
      replayed: of('replayed'),
      conflicts: of('conflict'),
      mismatches: of('mismatch'),
      outcomesUnknown: of('unknown'),
      kept: of('kept'),
      released: of('released'),
      leasesLost: of('lost'),
      refused: of('refused'),
      storeFailures: of('store-failure'),
      unprotected: of('unprotected'),
    }),
  };
}
