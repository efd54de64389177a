// The middleware: which key, ask the limiter, say it in the response. Sending the command and awaiting its answer are
// apart (`start`, `finish`).

import { createEventSink } from '@sallyport/core';
import type { Request, RequestHandler, Response } from 'express';
import { isIP } from 'node:net';
import { answerRefusal } from './answers.js';
import { checkKey } from './arguments.js';
import { clientAddress } from './client-address.js';
import type { Decision } from './decision.js';
import type { RateLimitEvent } from './events.js';
import { writeHeaders } from './headers/write-headers.js';
import { limiterFor, type RateLimiter } from './limiter.js';
import { resolveMiddlewareOptions, type ListOption, type RateLimitOptions } from './middleware-options.js';
import type { PolicyOptions } from './policies.js';
import { createProxyCheck, warnOnce } from './proxy-check.js';
import { releasedReservation, type Reservation } from './reservation.js';
import { settleOnClose } from './settle-on-close.js';

/** The middleware, with what an operator needs. Keys are what `key` gives; without it, addresses. */
export interface RateLimitHandle
  extends RequestHandler, Pick<RateLimiter, 'get' | 'delete' | 'ban' | 'unban' | 'top' | 'clear' | 'close'> {}

/**
 * Gives an Express middleware that admits each client within its policies, counted in Redis over all processes, and
 * answers the others with 429.
 *
 * @throws {OptionError} when an option is refused
 *
 * @example
 * app.use(rateLimit({ redis, limit: 100, windowMs: 60_000 }));
 */
export function rateLimit(options: RateLimitOptions): RateLimitHandle {
  const settings = resolveMiddlewareOptions(options);
  const {
    name,
    key: customKey,
    skip,
    ipv6Subnet,
    allowList,
    blockList,
    shadow,
    cost,
    policiesOf,
    headers,
    onEvent,
  } = settings;
  const limiter = limiterFor(settings.limiter);
  const events = createEventSink<RateLimitEvent>('rate-limit', onEvent);
  const measured = typeof cost === 'object' ? cost : undefined;
  const price = typeof cost === 'object' ? cost.estimate : cost;
  const isReserving = measured !== undefined || (settings.limiter.set?.hasConcurrency ?? true);
  let observedApp: object = {};
  const proxyCheck = createProxyCheck((event) => {
    events.emit(event);
    warnOnce(observedApp, event);
  });

  /** Sends the decision's command, in the same tick when everything that is asked before is synchronous. */
  async function start(req: Request, res: Response): Promise<Reservation | undefined> {
    const isSkipped = skip?.(req, res) ?? false;
    if (typeof isSkipped === 'boolean' ? isSkipped : await isSkipped) return undefined;
    if (customKey === undefined && req.app !== undefined) {
      observedApp = req.app;
      proxyCheck.observe(req);
    }
    const given = customKey === undefined ? clientAddress(req.ip, ipv6Subnet) : customKey(req);
    const key: unknown = typeof given === 'string' ? given : await given;
    checkKey(key);
    if (blockList !== undefined && (await isListed(blockList, key, req))) return releasedReservation(blocked(key));
    if (allowList !== undefined && (await isListed(allowList, key, req))) return undefined;
    const asked = typeof price === 'function' ? price(req) : price;
    const units = typeof asked === 'number' ? asked : await asked;
    const policies = await policiesFor(req);
    if (isReserving) return limiter.reserve(key, units, policies);
    return releasedReservation(await limiter.consume(key, { cost: units, ...policies }));
  }

  function policiesFor(
    req: Request,
  ): { policies?: readonly PolicyOptions[] } | Promise<{ policies: readonly PolicyOptions[] }> {
    if (policiesOf === undefined) return {};
    const policies = policiesOf(req);
    return policies instanceof Promise ? policies.then((all) => ({ policies: all })) : { policies };
  }

  function blocked(key: string): Decision {
    const decision: Decision = {
      outcome: 'denied',
      isAllowed: false,
      key,
      cost: 0,
      policies: [],
      reason: 'blocked',
      retryAfterMs: 0,
    };
    events.emit({ type: 'denied', name, key, decision, source: 'list', isShadow: shadow });
    return decision;
  }

  /** Whether the request goes on; otherwise it has been answered. */
  function finish(req: Request, res: Response, reservation: Reservation | undefined): boolean {
    if (reservation === undefined) return true;
    const { decision } = reservation;
    settleOnClose(req, res, reservation, measured, isReserving);
    if (shadow) return true;
    // Behind another limiter of the same request: the one that the client will hit first.
    if (req.rateLimit === undefined || closeness(decision) <= closeness(req.rateLimit)) req.rateLimit = decision;
    writeHeaders(res, decision, headers, { nowMs: Date.now(), random: Math.random });
    if (!decision.isAllowed) answerRefusal(req, res, decision, name);
    return decision.isAllowed;
  }

  const middleware: RequestHandler = async function rateLimit(req, res, next) {
    let isAdmitted: boolean;
    try {
      isAdmitted = finish(req, res, await start(req, res));
    } catch (error) {
      // From `skip`, `key`, `cost` or `policies`. Express 4 would not see the rejection.
      return next(error);
    }
    if (isAdmitted) next();
  };

  // An address in any notation finds its client; what is not an address (such as an event's `2001:db8::/56`) is taken as is.
  const keyOf = (key: string) => (customKey === undefined && isIP(key) !== 0 ? clientAddress(key, ipv6Subnet) : key);
  return Object.assign(middleware, {
    get: (key, given) => limiter.get(keyOf(key), given),
    delete: (key, given) => limiter.delete(keyOf(key), given),
    ban: (key, banMs, given) => limiter.ban(keyOf(key), banMs, given),
    unban: (key, given) => limiter.unban(keyOf(key), given),
    top: (count) => limiter.top(count),
    clear: () => limiter.clear(),
    close: () => limiter.close(),
  } satisfies Omit<RateLimiter, 'consume' | 'reserve'>);
}

async function isListed(list: ListOption, key: string, req: Request): Promise<boolean> {
  return typeof list === 'function' ? list(req) : list.includes(key);
}

/** How near a decision is to a refusal: -1 is one, and then what is left of the tightest policy. */
function closeness({ isAllowed, policies }: Decision): number {
  return isAllowed ? Math.min(...policies.map(({ remaining }) => remaining)) : -1;
}
