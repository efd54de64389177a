/** Checks that every factory makes synchronously, before it starts anything: no coercion, and the message names option and value. */
import { RedisServerOptionError } from './errors.js';

/** Throws when the value is not acceptable; `name` is the option's name for the message. */
type Check = (value: unknown, name: string) => void;

/** Refuses names that are not in `checks`, then runs each check on the options that are not undefined. */
export function checkOptions(options: object, checks: Record<string, Check>): void {
  if (options === null || typeof options !== 'object') refuse('options', options, 'an object');
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) {
      throw new RedisServerOptionError(`Unknown option ${name}; known are ${Object.keys(checks).join(', ')}`);
    }
    if (value !== undefined) check(value, name);
  }
}

/** Both ends included. Refuses NaN, fractions, and numbers in strings. */
export function integerBetween(min: number, max: number): Check {
  return (value, name) => {
    const isInRange = Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
    if (!isInRange) refuse(name, value, `an integer from ${min} to ${max}`);
  };
}

export const nonEmptyString: Check = (value, name) => {
  if (typeof value !== 'string' || value === '') refuse(name, value, 'a string that is not empty');
};

export const functionOption: Check = (value, name) => {
  if (typeof value !== 'function') refuse(name, value, 'a function');
};

export const booleanOption: Check = (value, name) => {
  if (typeof value !== 'boolean') refuse(name, value, 'a boolean');
};

export const stringArray: Check = (value, name) => {
  const isStringArray = Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (!isStringArray) refuse(name, value, 'an array of strings');
};

/** A name that Sentinel takes: its configuration file is split at blanks. */
export const bareWord: Check = (value, name) => {
  if (typeof value !== 'string' || !/^[\w.-]+$/.test(value)) refuse(name, value, 'letters, digits, ".", "-" and "_"');
};

function refuse(name: string, value: unknown, expected: string): never {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  throw new RedisServerOptionError(`${name} must be ${expected}, got ${shown}`);
}
