// What operators can do beside the requests' path.

import { clearPrefix, type RedisClient } from '@sallyport/core';
import type { RequestHandler } from 'express';
import { idOf, type IdempotentRequest } from './record-id.js';
import type { RecordStore } from './record-store.js';
import type { RecordState } from './scripts/inspect.js';
import type { CountedEvents, IdempotencyStats } from './stats.js';

/** What operators need. */
export interface IdempotencyHandle {
  /** What is known of a request, given itself or as the `key` of an event; `undefined` if nothing. Changes nothing. */
  get(request: IdempotentRequest | string): Promise<RecordState | undefined>;
  /** Forgets a request, so that it can run again. Gives whether it was known. */
  delete(request: IdempotentRequest | string): Promise<boolean>;
  /** What this process has seen so far, for metrics. */
  stats(): IdempotencyStats;
  /** Removes every key under the prefix, for administration. Gives their number. */
  clear(): Promise<number>;
  /** Ends renewals and waits: requests that are still running keep their lease until it runs out. */
  close(): Promise<void>;
}

/** The middleware, with what operators need. */
export interface IdempotencyHandler extends RequestHandler, IdempotencyHandle {}

/** What a handle works on. */
export interface HandleOptions {
  readonly redis: RedisClient;
  readonly prefix: string;
  readonly store: RecordStore;
  readonly events: CountedEvents;
  readonly close: () => void;
}

export function createHandle({ redis, prefix, store, events, close }: HandleOptions): IdempotencyHandle {
  return {
    get: async (request) => store.inspect(idOf(request)),
    delete: async (request) => store.delete(idOf(request)),
    stats: () => events.read(),
    clear: () => clearPrefix(redis, prefix),
    close: async () => close(),
  };
}
