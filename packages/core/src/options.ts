// Checks a factory's options synchronously and refuses what it does not know. Nothing is coerced and the caller's object
// is never changed. A package's `options.ts` reads as a table: option → check → default.

import { inspect } from 'node:util';
import { OptionError } from './errors.js';
import { isRedisClient, type RedisClient } from './redis-client.js';

/** Where a value stands, for the error message. */
export interface OptionSite {
  readonly packageName: string;
  readonly option: string;
}

/** Gives the checked value, or throws an OptionError that names the option and the value. */
export type Check<T> = (value: unknown, site: OptionSite) => T;

/** Throws the OptionError for `value`; `received` replaces it in the message where the value is a secret. */
export function refuse(site: OptionSite, expected: string, value: unknown, received?: string): never {
  const shown = received ?? inspect(value, { depth: 0, maxStringLength: 60, breakLength: Infinity });
  throw new OptionError(site.packageName, site.option, expected, shown);
}

/** Describes a value that may be or hold a secret: neither texts nor members are shown. */
export function kindOf(value: unknown): string {
  return typeof value === 'string' ? 'a string' : inspect(value, { depth: -1, customInspect: false });
}

/**
 * Checks `options` against a table of checks and gives the resolved values. `undefined` counts as omitted.
 *
 * @throws {OptionError} for an option that a check refuses, or whose name is not in the table
 */
export function checkOptions<Checks extends Record<string, Check<unknown>>>(
  packageName: string,
  options: unknown,
  checks: Checks,
  path = '',
): { [Name in keyof Checks]: ReturnType<Checks[Name]> } {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    refuse({ packageName, option: path === '' ? 'options' : path.slice(0, -1) }, 'an object', options, kindOf(options));
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(checks, name)) continue;
    const expected = `left out: there is no such option (known: ${Object.keys(checks).join(', ')})`;
    refuse({ packageName, option: path + name }, expected, undefined, kindOf(Reflect.get(options, name)));
  }
  const resolved: Record<string, unknown> = {};
  for (const [name, check] of Object.entries(checks)) {
    resolved[name] = check(Reflect.get(options, name), { packageName, option: path + name });
  }
  return resolved as { [Name in keyof Checks]: ReturnType<Checks[Name]> };
}

/** Accepts `undefined` as well and gives `fallback` for it. */
export function optional<T, Fallback>(check: Check<T>, fallback: Fallback): Check<T | Fallback> {
  return (value, site) => (value === undefined ? fallback : check(value, site));
}

/** A safe integer between `min` and `max`, both included. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): Check<number> {
  const range = max === Number.MAX_SAFE_INTEGER ? `an integer >= ${min}` : `an integer from ${min} to ${max}`;
  const isRight = (value: unknown): value is number =>
    Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
  return (value, site) => (isRight(value) ? value : refuse(site, range, value));
}

/** `true` or `false`. */
export const boolean: Check<boolean> = (value, site) =>
  typeof value === 'boolean' ? value : refuse(site, 'true or false', value);

/** One of the given strings. */
export function oneOf<const Choice extends string>(...choices: Choice[]): Check<Choice> {
  const expected = `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`;
  return (value, site) =>
    (choices as readonly unknown[]).includes(value) ? (value as Choice) : refuse(site, expected, value);
}

/** A string that matches `pattern`; `expected` says what that means. */
export function text(pattern: RegExp, expected: string): Check<string> {
  return (value, site) => (typeof value === 'string' && pattern.test(value) ? value : refuse(site, expected, value));
}

/** A function; its signature is the caller's word. */
export function callback<F extends (...args: never[]) => unknown>(): Check<F> {
  return (value, site) => (typeof value === 'function' ? (value as F) : refuse(site, 'a function', value));
}

/** A key prefix: printable, without braces (they belong to the hash tag) and at most 100 characters. */
export const keyPrefix: Check<string> = text(/^[\x21-\x7a|~]{1,100}$/, '1 to 100 printable ASCII characters but {}');

/** A deadline for store calls in milliseconds, 1 to 60 000. */
export const deadline: Check<number> = integer(1, 60_000);

/** An ioredis client, `Redis` or `Cluster`. */
export const redisClient: Check<RedisClient> = (value, site) =>
  // A URL or settings given by mistake hold the password: not shown.
  isRedisClient(value) ? value : refuse(site, 'an ioredis client (Redis or Cluster, 5.11+)', value, kindOf(value));
