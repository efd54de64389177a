// What `rateLimit()` takes beyond a limiter: who a request is, what it costs, what its response says.

import { boolean, callback, checkOptions, integer, optional, refuse, type Check } from '@sallyport/core';
import type { Request, Response } from 'express';
import { checkBlocks } from './block-options.js';
import type { HeaderOptions } from './headers/header-options.js';
import { resolveHeaderOptions } from './headers/header-options.js';
import { limiterChecks, resolveSet, type LimiterSettings, type RateLimiterOptions } from './options.js';
import { PACKAGE_NAME, type PolicyOptions } from './policies.js';

type MaybePromise<T> = T | Promise<T>;

/** A cost that is known after the response only: reserved before the handler, settled after it. */
export interface MeasuredCost {
  /** Units that must be free for the request to be admitted. */
  readonly estimate: number | ((req: Request) => MaybePromise<number>);
  /** What it cost in the end; 0 gives it back. Not asked when the client went away before the response was sent: that is 0. */
  readonly actual: (req: Request, res: Response) => number;
}

/** What a request costs. */
export type CostOption = number | ((req: Request) => MaybePromise<number>) | MeasuredCost;

/** Keys, or a function that picks requests. */
export type ListOption = readonly string[] | ((req: Request) => MaybePromise<boolean>);

/** Options of `rateLimit()`. */
export interface RateLimitOptions extends Omit<RateLimiterOptions, 'policies'> {
  /** 1 to 8 policies, or a function that gives those of a request: of a plan, a user, a route. */
  readonly policies?: readonly PolicyOptions[] | ((req: Request) => MaybePromise<readonly PolicyOptions[]>) | undefined;
  /** Which client a request belongs to. @default the address, by `clientAddress(req.ip, ipv6Subnet)` */
  readonly key?: ((req: Request) => MaybePromise<string>) | undefined;
  /** How many leading bits of an IPv6 address make one client, 32 to 128. Not together with `key`. @default 56 */
  readonly ipv6Subnet?: number | undefined;
  /** Units that a request costs, before or after its response. @default 1 */
  readonly cost?: CostOption | undefined;
  /** Requests for which this gives `true` pass uncounted. */
  readonly skip?: ((req: Request, res: Response) => MaybePromise<boolean>) | undefined;
  /** Who passes uncounted. */
  readonly allowList?: ListOption | undefined;
  /** Who is answered with 403; wins over `allowList`. */
  readonly blockList?: ListOption | undefined;
  /** Decides, counts and reports, but lets every request through and sends no fields. @default false */
  readonly shadow?: boolean | undefined;
  /** Which fields the response carries. */
  readonly headers?: HeaderOptions | undefined;
}

/** The checked options. */
export type MiddlewareSettings = ReturnType<typeof resolveMiddlewareOptions>;

const units = integer(0, 1_000_000_000);
const costFunction = callback<(req: Request) => MaybePromise<number>>();
const unitsOrFunction: Check<number | ((req: Request) => MaybePromise<number>)> = (value, site) =>
  typeof value === 'function' ? costFunction(value, site) : units(value, site);

const costCheck: Check<CostOption> = (value, site) => {
  if (typeof value !== 'object' || value === null) return unitsOrFunction(value, site);
  const checks = { estimate: unitsOrFunction, actual: callback<MeasuredCost['actual']>() };
  return checkOptions(site.packageName, value, checks, `${site.option}.`);
};

const listCheck: Check<ListOption> = (value, site) => {
  if (typeof value === 'function') return value as ListOption;
  const isList = Array.isArray(value) && value.every((key) => typeof key === 'string' && key !== '');
  return isList ? ([...value] as string[]) : refuse(site, 'an array of keys, or a function', value);
};

/** Checks the options and fills in the defaults. @throws {OptionError} */
export function resolveMiddlewareOptions(options: RateLimitOptions) {
  const {
    policies,
    limit,
    windowMs,
    algorithm,
    name: givenName,
    key,
    ipv6Subnet,
    headers,
    ...settings
  } = checkOptions(PACKAGE_NAME, options, {
    ...limiterChecks,
    key: optional(callback<NonNullable<RateLimitOptions['key']>>(), undefined),
    ipv6Subnet: optional(integer(32, 128), undefined),
    cost: optional(costCheck, 1),
    skip: optional(callback<NonNullable<RateLimitOptions['skip']>>(), undefined),
    allowList: optional(listCheck, undefined),
    blockList: optional(listCheck, undefined),
    shadow: optional(boolean, false),
    headers: (value: unknown) => value,
  });
  if (key !== undefined && ipv6Subnet !== undefined) {
    refuse({ packageName: PACKAGE_NAME, option: 'ipv6Subnet' }, 'left out when `key` is given', ipv6Subnet);
  }
  const policiesOf =
    typeof policies === 'function' ? (policies as (req: Request) => MaybePromise<readonly PolicyOptions[]>) : undefined;
  for (const [option, value] of Object.entries({ limit, windowMs, algorithm })) {
    if (policiesOf === undefined || value === undefined) continue;
    refuse({ packageName: PACKAGE_NAME, option }, 'left out when `policies` is given', value);
  }
  const { set, name } =
    policiesOf === undefined
      ? resolveSet({ policies, limit, windowMs, algorithm }, givenName)
      : { set: undefined, name: givenName ?? 'per-request' };
  checkBlocks(settings.blocks, set, settings.penalty);
  if (settings.blocks !== undefined && typeof settings.cost !== 'function' && settings.cost !== 1) {
    refuse({ packageName: PACKAGE_NAME, option: 'cost' }, '1, or a function, when `blocks` is given', settings.cost);
  }
  const limiter: LimiterSettings = { ...settings, set, name };
  const names = set?.policies.map((policy) => policy.name) ?? [];
  const checkedHeaders = resolveHeaderOptions(headers as HeaderOptions | undefined, names);
  return { ...settings, limiter, name, policiesOf, key, ipv6Subnet: ipv6Subnet ?? 56, headers: checkedHeaders };
}
