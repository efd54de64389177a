// The middleware: which key, ask the limiter, say it in the response. Sending the command and awaiting its answer are
// apart (`start`, `finish`).

import { sendProblem } from '@sallyport/core';
import type { Request, RequestHandler, Response } from 'express';
import { isIP } from 'node:net';
import { clientAddress } from './client-address.js';
import type { Decision, Undecided } from './decision.js';
import { RateLimitKeyError } from './errors.js';
import { rateLimitFields, retryAfter } from './headers.js';
import { createLimiter } from './limiter.js';
import { resolveOptions, type RateLimitOptions } from './options.js';

/** The middleware, with what an operator needs. Keys are what `key` gives; without it, addresses. */
export interface RateLimitHandle extends RequestHandler {
  /**
   * Where a client stands, without counting.
   *
   * @returns `undefined` when nothing counts against it
   * @throws {StoreUnavailableError} when Redis does not answer
   */
  get(key: string): Promise<Decision | undefined>;
  /**
   * Gives a client its full limit back.
   *
   * @returns whether anything counted against it
   * @throws {StoreUnavailableError} when Redis does not answer
   */
  delete(key: string): Promise<boolean>;
  /** Forgets all clients of this limiter; scans, so not for a request's path. @returns the number of keys removed */
  clear(): Promise<number>;
  /** Frees the memory of the time without Redis. The Redis client stays open. */
  close(): Promise<void>;
}

/** RFC 9457 problem types of the IETF draft on rate limit fields; `violated-policies` names the limiter. */
const PROBLEM_TYPES = 'https://iana.org/assignments/http-problem-types';

/**
 * Gives an Express middleware that admits at most `limit` requests per `windowMs` from one client, counted in Redis over
 * all processes, and answers the others with 429.
 *
 * @throws {OptionError} when an option is refused
 *
 * @example
 * app.use(rateLimit({ redis, limit: 100, windowMs: 60_000 }));
 */
export function rateLimit(options: RateLimitOptions): RateLimitHandle {
  const settings = resolveOptions(options);
  const { name, key: customKey, skip, ipv6Subnet } = settings;
  const limiter = createLimiter(settings);

  /** Sends the decision's command, in the same tick when `skip` and `key` are synchronous. */
  async function start(req: Request, res: Response): Promise<Decision | Undecided | undefined> {
    const isSkipped = skip?.(req, res) ?? false;
    if (typeof isSkipped === 'boolean' ? isSkipped : await isSkipped) return undefined;
    const given = customKey === undefined ? clientAddress(req.ip, ipv6Subnet) : customKey(req);
    const key: unknown = typeof given === 'string' ? given : await given;
    if (typeof key !== 'string' || key === '') throw new RateLimitKeyError(key);
    return limiter.consume(key);
  }

  /** Whether the request goes on; otherwise it has been answered. */
  function finish(req: Request, res: Response, decision: Decision | Undecided | undefined): boolean {
    if (decision === undefined) return true;
    if (decision.source === 'none') return decision.isAllowed || answerUnavailable(req, res);
    // Behind another limiter of the same request: the client is told about the one that it will hit first.
    if (req.rateLimit === undefined || decision.remaining <= req.rateLimit.remaining || !decision.isAllowed) {
      req.rateLimit = decision;
      announce(res, decision);
    }
    return decision.isAllowed || answerExceeded(req, res, decision);
  }

  function answerExceeded(req: Request, res: Response, decision: Decision): false {
    const value = retryAfter(decision.retryAfterMs);
    if (!res.headersSent) res.setHeader('Retry-After', value);
    sendProblem(req, res, {
      type: `${PROBLEM_TYPES}#quota-exceeded`,
      title: 'Quota Exceeded',
      status: 429,
      detail: `The limit of ${decision.limit} requests is used up. Try again in ${value} s.`,
      'violated-policies': [name],
    });
    return false;
  }

  function answerUnavailable(req: Request, res: Response): false {
    if (!res.headersSent) res.setHeader('Retry-After', '1');
    sendProblem(req, res, {
      type: `${PROBLEM_TYPES}#temporary-reduced-capacity`,
      title: 'Temporary Reduced Capacity',
      status: 503,
      detail: 'Requests cannot be counted at the moment.',
      'violated-policies': [name],
    });
    return false;
  }

  const middleware: RequestHandler = async function rateLimit(req, res, next) {
    let isAdmitted: boolean;
    try {
      isAdmitted = finish(req, res, await start(req, res));
    } catch (error) {
      // From `skip` or `key`. Express 4 would not see the rejection.
      return next(error);
    }
    if (isAdmitted) next();
  };

  // An address in any notation finds its client; what is not an address (such as an event's `2001:db8::/56`) is taken as is.
  const keyOf = (key: string) => (customKey === undefined && isIP(key) !== 0 ? clientAddress(key, ipv6Subnet) : key);
  return Object.assign(middleware, {
    get: (key: string) => limiter.get(keyOf(key)),
    delete: (key: string) => limiter.delete(keyOf(key)),
    clear: () => limiter.clear(),
    close: async () => limiter.close(),
  });
}

/** Sets the fields of a decision. One process alone does not know where the client stands, so it stays silent. */
function announce(res: Response, decision: Decision): void {
  if (decision.source === 'local' || res.headersSent) return;
  for (const [field, value] of rateLimitFields(decision)) res.setHeader(field, value);
}
