// The way of a request through the cache. Each step is a file of its own; this one has their order and the policy for
// failures of Redis.
//
//   plan ─ not for the cache ─────────────────────────────► handler            X-Cache: BYPASS
//     └─ find ─ Redis fails ──────────────────────────────► handler            X-Cache: BYPASS
//          ├─ fresh, and may be given to this client ─────► replay             X-Cache: HIT
//          ├─ stale, and may be used so ──────────────────► replay             X-Cache: STALE, the handler is asked afterwards
//          ├─ another request makes it ─ shared ──────────► replay             X-Cache: HIT
//          └─ hold versions ─► record ────────────────────► handler ─► store   X-Cache: MISS, REVALIDATED, STALE, BYPASS

import type { Fill, Sight } from '@sallyport/cache';
import { StoreUnavailableError } from '@sallyport/core';
import type { Request, Response } from 'express';
import { isRevalidation, prepareRevalidation } from './background.js';
import type { Directives } from './cache-control.js';
import { createFlights, type Outcome } from './flights.js';
import { chooseUse, requestDirectives, stalenessMs } from './freshness.js';
import type { ResponseCacheSettings } from './options.js';
import { recordResponse } from './record-response.js';
import { askedBy, isPlainGet, prepareReplay, sendWhole, type Stored } from './replay.js';
import { planRequest, type BypassReason, type RequestPlan } from './request-plan.js';
import type { Found, Shelf } from './shelf.js';
import { recordId } from './url-key.js';
import { isUnsafe, watchUnsafe } from './unsafe-methods.js';
import { variantId } from './vary.js';

/** Gives whether the request was answered; otherwise it is the handler's turn. */
export type Answer = (req: Request, res: Response) => boolean | Promise<boolean>;

/** How long it is remembered that the responses of a key can't be shared. */
const UNCACHEABLE_MS = 10_000;
/** How often a request waits for others before it runs by itself. */
const MAX_ROUNDS = 3;

/** @param take called for a response that this cache takes care of */
export function createAnswer(settings: ResponseCacheSettings, shelf: Shelf, take: (res: Response) => void): Answer {
  const { events, entries, writeStatus } = settings;
  const flights = createFlights(settings.coalesceMs, UNCACHEABLE_MS);
  const revalidating = new Set<string>();

  /** @throws the error, unless it says that Redis failed and the policy is `'open'` */
  function storeFailed(operation: 'read' | 'write', key: string, error: unknown): void {
    if (!(error instanceof StoreUnavailableError)) throw error;
    events.emit({ type: 'store-failure', operation, key, error });
    if (settings.onStoreFailure === 'throw') throw error;
  }

  function send(req: Request, res: Response, stored: Stored, word: 'HIT' | 'STALE', parameters: string): number {
    if (isPlainGet(req)) {
      writeStatus(res, word, parameters);
      sendWhole(res, stored, entries.now());
      return stored.status;
    }
    const { body } = prepareReplay(res, stored, askedBy(req, res), entries.now());
    writeStatus(res, word, parameters);
    const { statusCode } = res;
    if (body === undefined) res.end();
    else res.end(body);
    return statusCode;
  }

  /** Answers from the store where that may be done without the handler. */
  function serve(req: Request, res: Response, plan: RequestPlan, found: Found, directives: Directives): boolean {
    const stored = usable(found, plan);
    if (stored === undefined) return false;
    const use = isRevalidation(req) ? 'revalidate' : chooseUse(stored, directives, entries.now());
    if (use === 'revalidate') return false;
    const { key } = plan;
    const ttl = `ttl=${Math.floor(-stalenessMs(stored, entries.now()) / 1_000)}`;
    if (use === 'fresh') {
      const status = send(req, res, stored, 'HIT', `hit; ${ttl}`);
      events.emit({ type: 'hit', key, status });
      return true;
    }
    send(req, res, stored, 'STALE', `hit; ${ttl}`);
    events.emit({ type: 'stale', key, reason: use === 'stale' ? 'client' : 'revalidating' });
    if (use === 'stale-while-revalidate') revalidateLater(req, plan, found.sight);
    return true;
  }

  /** Once per process, and once per fleet while the lease lasts. */
  function revalidateLater(req: Request, { key, selector: { id } }: RequestPlan, sight: Sight | undefined): void {
    if (revalidating.has(id)) return;
    revalidating.add(id);
    revalidateOnce(prepareRevalidation(req), id, sight)
      .catch((error: unknown) => events.emit({ type: 'revalidation-failure', key, error }))
      .finally(() => revalidating.delete(id));
  }

  async function revalidateOnce(revalidate: () => Promise<void>, id: string, sight: Sight | undefined): Promise<void> {
    const claim = await shelf.claim(id, sight);
    // Another process is at it, or has just been.
    if ('cancel' in claim) return claim.cancel();
    try {
      await revalidate();
    } finally {
      await claim.abandon();
    }
  }

  function invalidateAfter(req: Request, res: Response): void {
    // Asked before the handler, where what they throw can be handed on.
    const own = settings.key?.(req);
    const user = settings.user?.(req);
    watchUnsafe(req, res, async (urls) => {
      // The key of another URL can't be known when the application makes the keys.
      const keys = own === undefined ? urls.map((url) => settings.keyOf(url)) : [own];
      const ids = keys.flatMap((key) => [recordId(key, undefined), ...(user ? [recordId(key, user)] : [])]);
      try {
        await Promise.all(ids.map((id) => shelf.remove(id)));
        events.emit({ type: 'invalidated', keys });
      } catch (error) {
        // The write is done, and its answer goes out: what could not be removed lives until its time is over.
        events.emit({ type: 'store-failure', operation: 'write', key: keys[0] ?? '', error });
      }
    });
  }

  /**
   * Waits for requests of this process that make the same response. Gives `true` when one of them has answered this one,
   * else what is to be called with the outcome of this one; between the last look at the others and taking the lead there is
   * no `await`, or several would lead.
   */
  async function share(
    req: Request,
    res: Response,
    plan: RequestPlan,
    flight: string,
  ): Promise<true | ((outcome: Outcome) => void)> {
    const { origin, headers } = plan.selector;
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const run = flights.join(flight);
      if (run === undefined) break;
      const outcome = await run;
      if (outcome.kind === 'uncacheable') break;
      // Nothing came of it: the first of those who waited is the next, and the others wait for it.
      if (outcome.kind === 'failed') continue;
      const { response, names, variant, isStale } = outcome;
      // Only now is it known which headers matter: the response may be another variant than this client's.
      if (variantId(origin, names, headers) !== variant) break;
      send(req, res, response, isStale ? 'STALE' : 'HIT', 'fwd=miss; collapsed');
      events.emit({ type: 'coalesced', key: plan.key });
      return true;
    }
    return flights.lead(flight);
  }

  /** It is the handler's turn, and the cache takes no part. */
  function bypass(res: Response, parameters = 'fwd=bypass'): false {
    writeStatus(res, 'BYPASS', parameters);
    return false;
  }

  function withoutLookup(req: Request, res: Response, reason: BypassReason): false {
    if (reason === 'method' && isUnsafe(req.method)) invalidateAfter(req, res);
    events.emit({ type: 'bypass', reason });
    return bypass(res, reason === 'method' ? 'fwd=method' : undefined);
  }

  return function answer(req, res) {
    try {
      const plan = planRequest(req, res, settings);
      if (typeof plan === 'string') return withoutLookup(req, res, plan);
      if (!(plan instanceof Promise)) return recall(req, res, plan) || lookUp(req, res, plan);
      const planned = plan.then((late) =>
        typeof late === 'string' ? withoutLookup(req, res, late) : recall(req, res, late) || lookUp(req, res, late),
      );
      return planned.catch((error: unknown) => {
        bypass(res);
        throw error;
      });
    } catch (error) {
      bypass(res);
      throw error;
    }
  };

  /** Answers from memory, at once. */
  function recall(req: Request, res: Response, plan: RequestPlan): boolean {
    const found = shelf.recall(plan.selector);
    return found !== undefined && serve(req, res, plan, found, directivesOf(req));
  }

  function directivesOf({ headers }: Request): Directives {
    return requestDirectives(headers, settings.requestDirectives === 'obey');
  }

  async function lookUp(req: Request, res: Response, plan: RequestPlan): Promise<boolean> {
    const startedAt = performance.now();
    const { key, selector } = plan;
    const directives = directivesOf(req);
    let found: Found;
    try {
      found = await shelf.find(selector);
    } catch (error) {
      bypass(res);
      storeFailed('read', key, error);
      return false;
    }
    if (serve(req, res, plan, found, directives)) return true;
    const stored = usable(found, plan);
    if (directives.has('only-if-cached')) return answerTimeout(res);
    events.emit({ type: 'miss', key });
    bypass(res);
    // The answer to HEAD has no body to store, but it was looked up like any other.
    const forward = stored === undefined ? 'miss' : stored.isFresh ? 'request' : 'stale';
    if (req.method === 'HEAD') writeStatus(res, 'MISS', `fwd=${forward}`);
    // A Redis that has used up the deadline for reading is not given another one for writing.
    if (req.method === 'HEAD' || performance.now() - startedAt >= entries.deadlineMs) return false;
    const flight = `${selector.id} ${variantId(selector.origin, found.record.names, selector.headers)}`;
    const isAlone =
      plan.isPersonal() || req.headers.range !== undefined || isRevalidation(req) || forward === 'request';
    const settle = isAlone ? () => {} : await share(req, res, plan, flight);
    if (settle === true) return true;
    const tags = shelf.tagsFor(selector, found.record);
    let fill: Fill;
    try {
      fill = await shelf.startFill(selector, tags);
    } catch (error) {
      settle({ kind: 'failed' });
      storeFailed('write', key, error);
      return false;
    }
    take(res);
    // A copy of the headers: conditions are hidden from the handler, and the handler may change headers, too.
    const kept = { ...plan, selector: { ...selector, headers: { ...selector.headers } } };
    recordResponse(req, res, {
      plan: kept,
      found,
      fill,
      shelf,
      settings,
      stale: stored,
      directives,
      forward,
      settle,
    });
    return false;
  }

  /** RFC 9111 §5.2.1.7 */
  function answerTimeout(res: Response): true {
    writeStatus(res, 'MISS', 'fwd=miss; detail=only-if-cached');
    res.statusCode = 504;
    res.end();
    return true;
  }
}

/** What was found, if it may be given to this client. */
function usable({ response }: Found, plan: RequestPlan): Stored | undefined {
  return response !== undefined && (response.isShared || !plan.isPersonal()) ? response : undefined;
}
