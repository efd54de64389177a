// The way of a request through the cache. Each step is a file of its own; this one has their order and the policy for
// failures of Redis.
//
//   plan ─ not for the cache ─────────────────────────────► handler            X-Cache: BYPASS
//     └─ find ─ Redis fails ──────────────────────────────► handler            X-Cache: BYPASS
//          ├─ fresh, and may be given to this client ─────► replay             X-Cache: HIT
//          ├─ stale, and may be used so ──────────────────► replay             X-Cache: STALE, the handler is asked afterwards
//          ├─ another request makes it ─ shared ──────────► replay             X-Cache: HIT
//          └─ hold versions ─► record ────────────────────► handler ─► store   X-Cache: MISS, REVALIDATED, STALE, BYPASS
//
// A HEAD that comes to the handler stores nothing, but tells whether what is stored is still right.

import type { Fill } from '@sallyport/cache';
import { StoreUnavailableError } from '@sallyport/core';
import type { Request, Response } from 'express';
import { isRevalidation } from './background.js';
import type { Directives } from './cache-control.js';
import { createCoalesce } from './coalesce.js';
import { freshenByHead } from './freshen-by-head.js';
import { requestDirectives } from './freshness.js';
import { createInvalidateAfter } from './invalidate-after.js';
import type { ResponseCacheSettings } from './options.js';
import { recordResponse } from './record-response.js';
import { planRequest, type BypassReason, type RequestPlan } from './request-plan.js';
import { createRevalidateLater } from './revalidate-later.js';
import { createServer, usable } from './serve-stored.js';
import type { Found, Shelf } from './shelf.js';
import { isUnsafe } from './unsafe-methods.js';

/** Gives whether the request was answered; otherwise it is the handler's turn. */
export type Answer = (req: Request, res: Response) => boolean | Promise<boolean>;

/** @param take called for a response that this cache takes care of */
export function createAnswer(settings: ResponseCacheSettings, shelf: Shelf, take: (res: Response) => void): Answer {
  const { events, entries, writeStatus } = settings;
  const { send, serve } = createServer(settings, createRevalidateLater(settings, shelf));
  const coalesce = createCoalesce(settings, send);
  const invalidateAfter = createInvalidateAfter(settings, shelf);

  /** @throws the error, unless it says that Redis failed and the policy is `'open'` */
  function storeFailed(operation: 'read' | 'write', key: string, error: unknown): void {
    if (!(error instanceof StoreUnavailableError)) throw error;
    events.emit({ type: 'store-failure', operation, key, error });
    if (settings.onStoreFailure === 'throw') throw error;
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
      if (found.isOther === true) found = await shelf.findOther(selector, found);
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
    const isHead = req.method === 'HEAD';
    if (isHead) writeStatus(res, 'MISS', `fwd=${forward}`);
    // A Redis that has used up the deadline for reading is not given another one for writing.
    if (performance.now() - startedAt >= entries.deadlineMs || (isHead && stored === undefined)) return false;
    const isAlone =
      isHead || plan.isPersonal() || req.headers.range !== undefined || isRevalidation(req) || forward === 'request';
    const settle = isAlone ? () => {} : await coalesce(req, res, plan, found);
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
    // A copy of the headers: conditions are hidden from the handler, and the handler may change headers, too.
    const kept = { ...plan, selector: { ...selector, headers: { ...selector.headers } } };
    const recording = { plan: kept, found, fill, shelf, settings, directives, forward, settle };
    take(res);
    if (isHead && stored !== undefined) freshenByHead(req, res, { ...recording, stale: stored });
    else recordResponse(req, res, { ...recording, stale: stored });
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
