// One getOrSet from start to end:
//
//   read ─ fresh ───────────────────────────────► value
//     ├─ failed shortly before ─ last value ────► that, else CachedLoadError
//     └─ hold versions ─► load ─ value ─► commit ► value
//                          └─ error ─ last value ► that, else the error
//
// Redis that fails is asked once: when the read failed the value is loaded and not stored.

import { StoreUnavailableError, type EventSink } from '@sallyport/core';
import type { EntryStore, Fill } from './entry-store.js';
import { CachedLoadError } from './errors.js';
import type { CacheEvent } from './events.js';
import { load, type Loader } from './load.js';
import type { CacheSettings, CallSettings } from './options.js';
import { describeFailure, failureWrites, lookUp, valueWrites } from './records.js';
import type { Outcome } from './single-flight.js';
import { encodeValue } from './value-codec.js';

/** What a hold outlives a load by, so that a load which takes all its time can still be written. */
const COMMIT_SLACK_MS = 5_000;

export interface ReadThrough {
  /** Runs a call to Redis; gives `undefined` when it failed and the policy is `'open'`. */
  readonly attempt: <T>(operation: 'read' | 'write', key: string, call: () => Promise<T>) => Promise<T | undefined>;
  /** Gives the value from Redis, or from the loader. */
  readonly getOrLoad: (key: string, loader: Loader<unknown>, call: CallSettings) => Promise<Outcome>;
  /** Writes a value through a fill that holds the versions from before it. */
  readonly store: (fill: Fill, key: string, value: unknown, call: CallSettings) => Promise<StoreResult>;
}

/** `refused`: too large, or its TTL is 0. */
export type StoreResult = 'stored' | 'overtaken' | 'refused';

export function createReadThrough(
  entries: EntryStore,
  settings: CacheSettings,
  events: EventSink<CacheEvent>,
): ReadThrough {
  const attempt: ReadThrough['attempt'] = async (operation, key, call) => {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      events.emit({ type: 'store-failure', operation, key, error });
      if (settings.onStoreFailure === 'throw') throw error;
      return undefined;
    }
  };

  const store: ReadThrough['store'] = async (fill, key, value, call) => {
    const ttlMs = call.ttlOf(value);
    const encoded = encodeValue(value);
    const reason = ttlMs === 0 ? 'ttl-zero' : encoded.body.length > settings.maxValueBytes ? 'too-large' : undefined;
    if (reason !== undefined) {
      events.emit({ type: 'not-stored', key, reason });
      return 'refused';
    }
    if (await fill.commit(valueWrites(encoded, ttlMs, call.staleIfErrorMs))) return 'stored';
    events.emit({ type: 'not-stored', key, reason: 'overtaken' });
    return 'overtaken';
  };

  const getOrLoad: ReadThrough['getOrLoad'] = async (key, loader, call) => {
    const found = await attempt('read', key, () => lookUp(entries, key, call.tags));
    if (found?.fresh !== undefined) {
      events.emit({ type: 'hit', key });
      return { value: found.fresh.value, isOvertaken: false };
    }
    const lastGood = call.staleIfErrorMs > 0 ? found?.stale : undefined;
    const giveLastGood = (value: unknown) => {
      events.emit({ type: 'stale', key });
      return { value, isOvertaken: false };
    };
    if (found?.failure !== undefined && call.errorTtlMs > 0) {
      if (lastGood !== undefined) return giveLastGood(lastGood.value);
      throw new CachedLoadError(key, found.failure);
    }
    events.emit({ type: 'miss', key });
    const hold = { tags: call.tags, holdMs: call.loadTimeoutMs + COMMIT_SLACK_MS };
    const fill = found && (await attempt('write', key, () => entries.startFill(key, hold)));
    let value: unknown;
    try {
      value = await load(loader, key, call.loadTimeoutMs);
    } catch (error) {
      events.emit({ type: 'load-failed', key, error });
      if (fill !== undefined && call.errorTtlMs > 0) {
        const writes = failureWrites(describeFailure(error), call.errorTtlMs);
        await attempt('write', key, () => fill.commit(writes));
      }
      if (lastGood !== undefined) return giveLastGood(lastGood.value);
      throw error;
    }
    const result = fill && (await attempt('write', key, () => store(fill, key, value, call)));
    return { value, isOvertaken: result === 'overtaken' };
  };

  return { attempt, getOrLoad, store };
}
