// Checks what is given per decision, where a wrong value must not reach the script.

import { integer } from '@sallyport/core';
import { RateLimitKeyError } from './errors.js';
import { PACKAGE_NAME } from './policies.js';

const units = integer(0, 1_000_000_000);
const duration = integer(1, 366 * 86_400_000);

/** @throws {OptionError} unless `cost` is an integer from 0 to 1 000 000 000 */
export function checkCost(option: string, cost: unknown): number {
  return units(cost, { packageName: PACKAGE_NAME, option });
}

/** @throws {OptionError} unless `ms` is an integer from 1 ms to 366 days */
export function checkMs(option: string, ms: unknown): number {
  return duration(ms, { packageName: PACKAGE_NAME, option });
}

/** @throws {RateLimitKeyError} unless `key` is a string that is not empty */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== 'string' || key === '') throw new RateLimitKeyError(key);
}
