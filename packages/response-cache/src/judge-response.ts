// The verdict on a response in its place: what HTTP says of it, and what the request, its path and its handler add.

import type { Request } from 'express';
import { judge, type Verdict } from './cache-policy.js';
import { isDeceptive } from './deception.js';
import type { ResponseCacheSettings } from './options.js';
import type { RequestPlan } from './request-plan.js';
import { varyNames } from './vary.js';

/** @param header value of a response header by lower-case name */
export type JudgeResponse = (status: number, header: (name: string) => string | undefined) => Verdict;

/** To be called before the handler runs: whose request it is may look different afterwards. */
export function createJudge(req: Request, plan: RequestPlan, settings: ResponseCacheSettings): JudgeResponse {
  const { entries, strict } = settings;
  const { method } = req;
  const startedAtMs = entries.now();
  const wasPersonal = plan.isPersonal();
  return (status, header) => {
    // A layer behind the cache takes the request for another one (method override): this is no answer to a GET.
    if (req.method !== method) return { isStorable: false, reason: 'method' };
    const nowMs = entries.now();
    const facts = {
      cacheControl: req.headers['cache-control'],
      isPersonal: wasPersonal || plan.isPersonal(),
      delayMs: nowMs - startedAtMs,
    };
    const result = judge(facts, { status, header }, settings, nowMs);
    if (!result.isStorable) return result;
    // Such a handler has seen who was asking, and what it says of its response is not to be relied on in strict mode.
    if (strict && wasPersonal) return { isStorable: false, reason: 'personal' };
    if (isDeceptive(plan.path, header('content-type'))) return { isStorable: false, reason: 'suffix' };
    return varyNames(header) === undefined ? { isStorable: false, reason: 'vary' } : result;
  };
}
