// Options are checked synchronously; nothing is coerced and the caller's object is never changed. As in core, which this
// package does not need: a server without Redis should not install a client for it.

import { inspect } from 'node:util';
import { ServerOptionError } from './errors.js';

/** Gives the checked value, or throws a ServerOptionError that names option and value. */
export type Check<T> = (value: unknown, option: string) => T;

/** The values that a table of checks gives. */
export type Resolved<Checks> = { readonly [Name in keyof Checks]: Checks[Name] extends Check<infer T> ? T : never };

/** @throws {ServerOptionError} for an option that a check refuses, or whose name is not in the table */
export function checkOptions<Checks extends Record<string, Check<unknown>>>(
  options: unknown,
  checks: Checks,
): Resolved<Checks> {
  const given = plainObject(options, 'options');
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(checks, name)) continue;
    const known = Object.keys(checks).join(', ');
    throw new ServerOptionError(
      name,
      `left out: there is no such option (known: ${known})`,
      inspect(given[name], SHORT),
    );
  }
  const entries = Object.entries(checks).map(([name, check]) => [name, check(given[name], name)]);
  return Object.fromEntries(entries) as Resolved<Checks>;
}

// A key or a password may be inside: members are not shown.
const SHORT = { depth: -1, maxStringLength: 60, breakLength: Infinity } as const;

/** Throws the error for `value`. */
export function refuse(option: string, expected: string, value: unknown): never {
  throw new ServerOptionError(option, expected, inspect(value, SHORT));
}

/** `undefined` counts as omitted and gives `fallback`. */
export function optional<T, Fallback>(check: Check<T>, fallback: Fallback): Check<T | Fallback> {
  return (value, option) => (value === undefined ? fallback : check(value, option));
}

export function integer(min: number, max: number): Check<number> {
  return (value, option) =>
    Number.isInteger(value) && Number(value) >= min && Number(value) <= max
      ? Number(value)
      : refuse(option, `an integer from ${min} to ${max}`, value);
}

export const nonEmptyText: Check<string> = (value, option) =>
  typeof value === 'string' && value !== '' ? value : refuse(option, 'a string that is not empty', value);

export function callback<F extends (...args: never[]) => unknown>(): Check<F> {
  return (value, option) => (typeof value === 'function' ? (value as F) : refuse(option, 'a function', value));
}

export const plainObject: Check<Readonly<Record<string, unknown>>> = (value, option) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : refuse(option, 'an object', value);
