// One getOrSet from start to end:
//
//   read ─ fresh ───────────────────────────────► value; soon to end, or stale within swrMs: and load behind its back
//    ▲ ├─ failed shortly before ─ last value ────► that, else CachedLoadError
//    │ └─ claim ─► load ─ value ─► commit ───────► value
//    │      │        └─ error ─ last value ──────► that, else the error
//    └──────┴ another process loads: wait for it
//
// Redis that fails is asked once: when the read failed the value is loaded and not stored.

import { StoreUnavailableError, type EventSink } from '@sallyport/core';
import type { EntryStore } from './entry-store.js';
import { CachedLoadError, LoadTimeoutError } from './errors.js';
import type { CacheEvent } from './events.js';
import type { ClaimOptions, Fill } from './fills.js';
import { createLoadGate } from './load-gate.js';
import { load, type Loader } from './load.js';
import type { Memory } from './memory.js';
import type { CacheSettings, CallSettings } from './options.js';
import {
  describeFailure,
  failureWrites,
  lookUp,
  parseFailure,
  toRemember,
  valueWrites,
  type Found,
  type Known,
} from './records.js';
import { drawRefreshAt, staleForMs } from './refresh-ahead.js';
import type { Outcome } from './single-flight.js';
import { encodeValue } from './value-codec.js';

/** What a hold outlives a load by, so that a load which takes all its time can still be written. */
const COMMIT_SLACK_MS = 5_000;

/** A draw further ahead than this many times the cost is rarer than one in 20 000: the clock was wrong. */
const EARLY_LIMIT = 10;

/** Says to those who wait that the value was not stored. */
const UNSTORED = '-';

export interface ReadThrough {
  /** Runs a call to Redis; gives `undefined` when it failed and the policy is `'open'`. */
  readonly attempt: <T>(operation: 'read' | 'write', key: string, call: () => Promise<T>) => Promise<T | undefined>;
  /** Looks in Redis, and keeps in memory what is found. */
  readonly find: (key: string, tags: readonly string[]) => Promise<Found>;
  /** Gives the value from Redis, or from the loader. */
  readonly getOrLoad: (key: string, loader: Loader<unknown>, call: CallSettings) => Promise<Outcome>;
  /** Writes a value through a fill that holds the versions from before it. */
  readonly store: (
    fill: Fill,
    key: string,
    value: unknown,
    call: CallSettings,
    costMs?: number,
  ) => Promise<StoreResult>;
}

/** `refused`: too large, or its TTL is 0. */
export type StoreResult = 'stored' | 'overtaken' | 'refused';

interface Answer {
  readonly known: Known;
  /** The value is to be loaded anew, while the caller already has this one. */
  readonly refresh?: Fill;
}

/** To load. `fill` is left out when Redis failed; `fail` gives the last good value or throws the error. */
interface Task {
  readonly fill: Fill | undefined;
  readonly fail: (error: unknown) => Answer;
}

export function createReadThrough(
  entries: EntryStore,
  settings: CacheSettings,
  events: EventSink<CacheEvent>,
  memory: Memory | undefined,
): ReadThrough {
  const gate = createLoadGate(settings.maxDegradedLoads);
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

  function jittered(ttlMs: number): number {
    return Math.ceil(ttlMs * (1 - (settings.jitterPercent / 100) * Math.random()));
  }

  async function prepare(fill: Fill, value: unknown, call: CallSettings) {
    try {
      return { ttlMs: jittered(call.ttlOf(value)), encoded: encodeValue(value) };
    } catch (error) {
      // The others are to find out for themselves, and not to wait for what won't come.
      await fill.abandon(UNSTORED);
      throw error;
    }
  }

  const store: ReadThrough['store'] = async (fill, key, value, call, costMs = 0) => {
    const { ttlMs, encoded } = await prepare(fill, value, call);
    const reason = ttlMs === 0 ? 'ttl-zero' : encoded.body.length > settings.maxValueBytes ? 'too-large' : undefined;
    if (reason !== undefined) {
      events.emit({ type: 'not-stored', key, reason });
      await fill.abandon(UNSTORED);
      return 'refused';
    }
    if (await fill.commit(valueWrites(encoded, ttlMs, Math.max(call.staleIfErrorMs, call.swrMs), costMs)))
      return 'stored';
    events.emit({ type: 'not-stored', key, reason: 'overtaken' });
    return 'overtaken';
  };

  const find: ReadThrough['find'] = async (key, tags) => {
    if (memory === undefined) return lookUp(entries, key, tags);
    const token = memory.begin(key);
    let found: Found | undefined;
    try {
      found = await lookUp(entries, key, tags);
      return found;
    } finally {
      memory.end(token, key, found && toRemember(found));
    }
  };

  /** Takes the lease when it is time to load anew before the value ends; without one there is nothing to do. */
  async function claimEarly(found: Found, key: string, hold: ClaimOptions): Promise<Fill | undefined> {
    const { entry, failure, sight } = found;
    if (entry === undefined || entry.costMs === 0 || failure !== undefined) return undefined;
    if (entries.now() < drawRefreshAt(entry, 1 - Math.random())) return undefined;
    // Best effort: the value at hand is fresh, so that a Redis which fails here fails nobody.
    const claim = await entries.claimFill(key, { ...hold, sight }).catch(() => undefined);
    if (claim === undefined) return undefined;
    if ('wait' in claim) {
      claim.cancel();
      return undefined;
    }
    // By the time of Redis, which the claim has told: the clock before it may have been another.
    if (staleForMs(entry, entries.now()) > -EARLY_LIMIT * Math.max(entry.costMs, 1)) return claim;
    await claim.abandon().catch(() => undefined);
    return undefined;
  }

  /** Looks, and waits while another process loads; ends with an answer or with the task to load. */
  async function seek(key: string, call: CallSettings): Promise<Answer | Task> {
    const endsAt = performance.now() + call.loadTimeoutMs;
    const { leaseMs } = settings;
    const hold: ClaimOptions = { tags: call.tags, holdMs: call.loadTimeoutMs + COMMIT_SLACK_MS, leaseMs };
    for (;;) {
      const found = await attempt('read', key, () => find(key, call.tags));
      if (found?.fresh !== undefined) {
        events.emit({ type: 'hit', key });
        const refresh = await claimEarly(found, key, hold);
        return { known: found.fresh, ...(refresh && { refresh }) };
      }
      const lastGood = call.staleIfErrorMs > 0 || call.swrMs > 0 ? found?.stale : undefined;
      const fail = (error: unknown): Answer => {
        if (lastGood === undefined) throw error;
        events.emit({ type: 'stale', key });
        return { known: lastGood };
      };
      if (found?.failure !== undefined && call.errorTtlMs > 0) return fail(new CachedLoadError(key, found.failure));
      if (found === undefined) return { fill: undefined, fail };
      const claim = await attempt('write', key, () => entries.claimFill(key, { ...hold, sight: found.sight }));
      // The claim has told the time of Redis, by which this is judged.
      const isUsable = claim && found.stale && found.entry && staleForMs(found.entry, entries.now()) <= call.swrMs;
      if (isUsable === true && found.stale !== undefined) {
        events.emit({ type: 'stale', key });
        return { known: found.stale, ...('wait' in claim ? {} : { refresh: claim }) };
      }
      if (claim === undefined || !('wait' in claim)) return { fill: claim, fail };
      const leftMs = endsAt - performance.now();
      if (leftMs <= 0) return fail(new LoadTimeoutError(key, call.loadTimeoutMs));
      events.emit({ type: 'wait', key });
      const text = await claim.wait(leftMs);
      if (text === UNSTORED) {
        // Waiting in turn for values that nobody may share would only make a queue.
        return { fill: await attempt('write', key, () => entries.startFill(key, hold)), fail };
      }
      const failure = parseFailure(text);
      if (failure !== undefined) return fail(new CachedLoadError(key, failure));
    }
  }

  const getOrLoad: ReadThrough['getOrLoad'] = async (key, loader, call) => {
    const sought = await seek(key, call);
    if ('fail' in sought) {
      events.emit({ type: 'miss', key });
      return loadInto(sought, key, loader, call);
    }
    const { known, refresh } = sought;
    if (refresh !== undefined) {
      events.emit({ type: 'refresh', key });
      // Nobody waits for it: the caller has its answer, and what fails has been reported as an event.
      loadInto({ fill: refresh, fail: () => ({ known }) }, key, loader, call).catch(() => undefined);
    }
    return { value: known.value, isOvertaken: false };
  };

  async function loadInto({ fill, fail }: Task, key: string, loader: Loader<unknown>, call: CallSettings) {
    const startedAt = performance.now();
    let value: unknown;
    try {
      const run = () => load(loader, key, call.loadTimeoutMs);
      value = await (fill === undefined ? gate.pass(run) : run());
    } catch (error) {
      events.emit({ type: 'load-failed', key, error });
      await giveUp(fill, key, error, call);
      return { value: fail(error).known.value, isOvertaken: false };
    }
    const costMs = Math.ceil(performance.now() - startedAt);
    const result = fill && (await attempt('write', key, () => store(fill, key, value, call, costMs)));
    return { value, isOvertaken: result === 'overtaken' };
  }

  /** Tells the others that the load failed: those who wait now, and for `errorTtlMs` those who come. */
  async function giveUp(fill: Fill | undefined, key: string, error: unknown, call: CallSettings): Promise<void> {
    if (fill === undefined) return;
    const failure = describeFailure(error);
    const isKept = call.errorTtlMs > 0;
    await attempt('write', key, async () => {
      if (isKept) await fill.commit(failureWrites(failure, call.errorTtlMs));
      else await fill.abandon(JSON.stringify(failure));
    });
  }

  return { attempt, find, getOrLoad, store };
}
