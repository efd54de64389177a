// One getOrSet from start to end:
//
//   read ─ fresh ───────────────────────────────► value; soon to end, or stale within swrMs: and load behind its back
//    ▲ ├─ failed shortly before ─ last value ────► that, else CachedLoadError
//    │ └─ claim ─► load ─ value ─► commit ───────► value
//    │      │        └─ error, or slower than softLoadTimeoutMs: read again ─ last value ► that, else the error
//    └──────┴ another process loads: wait for it
//
// Redis that fails is asked once: when the read failed the value is loaded and not stored.

import { StoreUnavailableError, type EventSink } from '@sallyport/core';
import type { Busy, ClaimOptions, EntryStore, Fill } from './entry-store.js';
import { CachedLoadError, LoadTimeoutError } from './errors.js';
import type { CacheEvent } from './events.js';
import { createLoadGate } from './load-gate.js';
import { load, type Loader } from './load.js';
import type { Memory } from './memory.js';
import type { CacheSettings, CallSettings } from './options.js';
import {
  describeFailure,
  failureWrites,
  lookUp,
  lookUpMany,
  parseFailure,
  toRemember,
  type Found,
  type Known,
} from './records.js';
import { createPatience, type Patience } from './patience.js';
import { drawRefreshAt, staleForMs } from './refresh-ahead.js';
import type { Outcome } from './single-flight.js';
import { UNSTORED, type ValueWriter } from './value-writer.js';

/** What a hold outlives a load by, so that a load which takes all its time can still be written. */
const COMMIT_SLACK_MS = 5_000;

/** A draw further ahead than this many times the cost is rarer than one in 20 000: the clock was wrong. */
const EARLY_LIMIT = 10;

export interface ReadThrough {
  /** Looks in Redis, and keeps in memory what is found; `undefined` when Redis failed and the policy is `'open'`. */
  readonly find: (key: string, tags: readonly string[], patience?: Patience) => Promise<Found | undefined>;
  /** The same for many keys. */
  readonly findMany: (
    keys: readonly string[],
    tags: readonly string[],
    patience?: Patience,
  ) => Promise<readonly Found[] | undefined>;
  /** Gives the value from Redis, or from the loader. */
  readonly getOrLoad: (key: string, loader: Loader<unknown>, call: CallSettings) => Promise<Outcome>;
}

/** What a claim gives that comes too late is given up. */
function dismiss(claim: Fill | Busy): void {
  if ('wait' in claim) claim.cancel();
  else void claim.abandon().catch(() => undefined);
}

interface Answer {
  readonly known: Known;
  readonly isStale: boolean;
  /** The value is to be loaded anew, while the caller already has this one. */
  readonly refresh?: Fill;
}

/** To load. `fill` is left out when Redis failed. */
interface Task {
  readonly fill: Fill | undefined;
  /** What may be given when the load fails or is slow. */
  readonly lastGood: Known | undefined;
}

export function createReadThrough(
  entries: EntryStore,
  writer: ValueWriter,
  settings: CacheSettings,
  events: EventSink<CacheEvent>,
  memory: Memory | undefined,
): ReadThrough {
  const gate = createLoadGate(settings.maxDegradedLoads);

  async function attempt<T>(operation: 'read' | 'write', key: string, call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      events.emit({ type: 'store-failure', operation, key, error });
      if (settings.onStoreFailure === 'throw') throw error;
      return undefined;
    }
  }

  const findMany: ReadThrough['findMany'] = async (keys, tags, patience) => {
    const tokens = keys.map((key) => memory?.begin(key));
    const { maxValueBytes } = settings;
    const [key = ''] = keys;
    const look = async () =>
      keys.length === 1
        ? [await lookUp(entries, key, tags, maxValueBytes)]
        : lookUpMany(entries, keys, tags, maxValueBytes);
    let found: readonly Found[] | undefined;
    try {
      found = await attempt('read', key, () => (patience === undefined ? look() : patience.wait(look)));
      return found;
    } finally {
      tokens.forEach((token, index) => {
        const what = found?.[index];
        if (token !== undefined) memory?.end(token, keys[index] ?? '', what && toRemember(what));
      });
    }
  };
  const find: ReadThrough['find'] = async (key, tags, patience) => (await findMany([key], tags, patience))?.[0];

  function emitStale(key: string, known: Known): Answer {
    events.emit({ type: 'stale', key });
    return { known, isStale: true };
  }

  /** Gives the value that may be given `maxMs` after its freshness, by the time of Redis. */
  function staleWithin({ stale, entry }: Found, maxMs: number): Known | undefined {
    return entry !== undefined && maxMs > 0 && staleForMs(entry, entries.now()) <= maxMs ? stale : undefined;
  }

  /** Takes the lease when it is time to load anew before the value ends; without one there is nothing to do. */
  async function claimEarly(
    found: Found,
    key: string,
    hold: ClaimOptions,
    patience: Patience,
  ): Promise<Fill | undefined> {
    const { entry, failure, sight } = found;
    if (entry === undefined || entry.costMs === 0 || failure !== undefined) return undefined;
    if (entries.now() < drawRefreshAt(entry, 1 - Math.random())) return undefined;
    // Best effort: the value at hand is fresh, so that a Redis which fails here fails nobody.
    const claim = await patience.wait(() => entries.claimFill(key, { ...hold, sight }), dismiss).catch(() => undefined);
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
  async function seek(key: string, call: CallSettings, patience: Patience): Promise<Answer | Task> {
    const startedAt = performance.now();
    const { leaseMs } = settings;
    const hold: ClaimOptions = { tags: call.tags, holdMs: call.loadTimeoutMs + COMMIT_SLACK_MS, leaseMs };
    for (;;) {
      const found = await find(key, call.tags, patience);
      if (found === undefined) return { fill: undefined, lastGood: undefined };
      if (found.fresh !== undefined) {
        events.emit({ type: 'hit', key });
        const refresh = await claimEarly(found, key, hold, patience);
        return { known: found.fresh, isStale: false, ...(refresh && { refresh }) };
      }
      const fail = (error: unknown): Answer => {
        const known = staleWithin(found, call.staleMs);
        if (known === undefined) throw error;
        return emitStale(key, known);
      };
      if (found.failure !== undefined && call.errorTtlMs > 0) return fail(new CachedLoadError(key, found.failure));
      const claim = await attempt('write', key, () =>
        patience.wait(() => entries.claimFill(key, { ...hold, sight: found.sight }), dismiss),
      );
      // The claim has told the time of Redis, by which this is judged.
      const lastGood = staleWithin(found, call.staleMs);
      const usable = staleWithin(found, call.swrMs);
      if (claim !== undefined && usable !== undefined) {
        const answer = emitStale(key, usable);
        if (!('wait' in claim)) return { ...answer, refresh: claim };
        claim.cancel();
        return answer;
      }
      if (claim === undefined || !('wait' in claim)) return { fill: claim, lastGood };
      const waitedMs = performance.now() - startedAt;
      const softLeftMs = lastGood === undefined ? Infinity : call.softLoadTimeoutMs - waitedMs;
      const leftMs = Math.min(call.loadTimeoutMs - waitedMs, softLeftMs);
      if (leftMs <= 0) {
        claim.cancel();
        return fail(new LoadTimeoutError(key, call.loadTimeoutMs));
      }
      events.emit({ type: 'wait', key });
      const text = await claim.wait(leftMs);
      if (text === UNSTORED) {
        // Waiting in turn for values that nobody may share would only make a queue.
        return { fill: await attempt('write', key, () => entries.startFill(key, hold)), lastGood };
      }
      const failure = parseFailure(text);
      if (failure !== undefined) return afterLoad(key, call, lastGood, new CachedLoadError(key, failure), patience);
    }
  }

  const getOrLoad: ReadThrough['getOrLoad'] = async (key, loader, call) => {
    const patience = createPatience(settings.deadlineMs);
    const sought = await seek(key, call, patience);
    if ('known' in sought) {
      const { known, isStale, refresh } = sought;
      if (refresh !== undefined) {
        events.emit({ type: 'refresh', key });
        runAside(loadInto({ fill: refresh, lastGood: known }, key, loader, call, patience));
      }
      return { value: known.value, isOvertaken: false, isStale };
    }
    events.emit({ type: 'miss', key });
    const loading = loadInto(sought, key, loader, call, patience);
    const { lastGood } = sought;
    if (lastGood === undefined || call.softLoadTimeoutMs === Infinity) return loading;
    let timer: NodeJS.Timeout | undefined;
    const soon = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, call.softLoadTimeoutMs, undefined)));
    const outcome = await Promise.race([loading, soon]).finally(() => clearTimeout(timer));
    if (outcome !== undefined) return outcome;
    const answer = await reread(key, call, lastGood, patience);
    if (answer === undefined) return loading;
    runAside(loading);
    return { value: answer.known.value, isOvertaken: false, isStale: answer.isStale };
  };

  /** Nobody waits for it: the caller has its answer, and what fails has been reported as an event. */
  function runAside(loading: Promise<Outcome>): void {
    loading.catch(() => undefined);
  }

  /** Whether the last good value still is one: a purge may have come since it was read, and stale never defeats a purge. */
  async function reread(
    key: string,
    call: CallSettings,
    lastGood: Known,
    patience: Patience,
  ): Promise<Answer | undefined> {
    const again = await find(key, call.tags, patience);
    if (again?.fresh !== undefined) return { known: again.fresh, isStale: false };
    const known = again === undefined ? lastGood : staleWithin(again, call.staleMs);
    return known && emitStale(key, known);
  }

  /** @throws the error when there is no last good value */
  async function afterLoad(
    key: string,
    call: CallSettings,
    lastGood: Known | undefined,
    error: unknown,
    patience: Patience,
  ): Promise<Answer> {
    const answer = lastGood && (await reread(key, call, lastGood, patience));
    if (answer === undefined) throw error;
    return answer;
  }

  async function loadInto(
    { fill, lastGood }: Task,
    key: string,
    loader: Loader<unknown>,
    call: CallSettings,
    patience: Patience,
  ): Promise<Outcome> {
    const startedAt = performance.now();
    let loaded: Awaited<ReturnType<typeof load<unknown>>>;
    try {
      const run = () => load(loader, key, call.loadTimeoutMs);
      loaded = await (fill === undefined ? gate.pass(run) : run());
    } catch (error) {
      events.emit({ type: 'load-failed', key, error });
      await attempt('write', key, () => patience.wait(() => giveUp(fill, error, call)));
      const { known, isStale } = await afterLoad(key, call, lastGood, error, patience);
      return { value: known.value, isOvertaken: false, isStale };
    }
    const costMs = Math.ceil(performance.now() - startedAt);
    if (fill === undefined) return { value: loaded.value, isOvertaken: false };
    const result = await attempt('write', key, () =>
      patience.wait(() => writer.commit(fill, key, { ...loaded, costMs }, call)),
    );
    // Unknown counts as overtaken: those who joined ask again.
    return { value: loaded.value, isOvertaken: result === undefined || result === 'overtaken' };
  }

  return { find, findMany, getOrLoad };
}

/** Tells the others that the load failed: those who wait now, and for `errorTtlMs` those who come. */
async function giveUp(fill: Fill | undefined, error: unknown, { errorTtlMs }: CallSettings): Promise<void> {
  const failure = describeFailure(error);
  if (errorTtlMs > 0) await fill?.commit(failureWrites(failure, errorTtlMs));
  else await fill?.abandon(JSON.stringify(failure));
}
