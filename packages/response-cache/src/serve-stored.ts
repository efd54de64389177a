// Answers from what is stored, where that may be done without the handler.

import type { Request, Response } from 'express';
import { isRevalidation } from './background.js';
import type { Directives } from './cache-control.js';
import { chooseUse, stalenessMs } from './freshness.js';
import type { ResponseCacheSettings } from './options.js';
import { askedBy, isPlainGet, prepareReplay, sendWhole, type Stored } from './replay.js';
import type { RequestPlan } from './request-plan.js';
import type { RevalidateLater } from './revalidate-later.js';
import type { Found } from './shelf.js';

export interface Server {
  /** Sends what is stored; gives the status that the client gets. */
  readonly send: (req: Request, res: Response, stored: Stored, word: 'HIT' | 'STALE', parameters: string) => number;
  /** Sends what was found, if it may be used; gives whether it was. */
  readonly serve: (req: Request, res: Response, plan: RequestPlan, found: Found, directives: Directives) => boolean;
}

export function createServer(settings: ResponseCacheSettings, revalidateLater: RevalidateLater): Server {
  const { events, entries, writeStatus } = settings;

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

  function serve(req: Request, res: Response, plan: RequestPlan, found: Found, directives: Directives): boolean {
    const stored = usable(found, plan);
    if (stored === undefined) return false;
    const nowMs = entries.now();
    const use = isRevalidation(req) ? 'revalidate' : chooseUse(stored, directives, nowMs);
    if (use === 'revalidate') return false;
    const { key } = plan;
    const ttl = `ttl=${Math.floor(-stalenessMs(stored, nowMs) / 1_000)}`;
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

  return { send, serve };
}

/** What was found, if it may be given to this client. */
export function usable({ response }: Found, plan: RequestPlan): Stored | undefined {
  return response !== undefined && (response.isShared || !plan.isPersonal()) ? response : undefined;
}
