// One text for one JSON value, whatever the order of its keys. Pure.

import { BodyNotComparableError } from './errors.js';

const MAX_DEPTH = 200;

/**
 * JSON with sorted keys. Bytes inside of it are told from strings; members that JSON cannot show are left out as
 * `JSON.stringify` does.
 *
 * @throws {BodyNotComparableError} for values nested more than 200 deep, which would overflow the stack
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) throw new BodyNotComparableError(`it is nested more than ${MAX_DEPTH} deep`, 400);
  if (value instanceof Uint8Array) return `<${Buffer.from(value).toString('hex')}>`;
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if ('toJSON' in value && typeof value.toJSON === 'function') return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined && typeof member !== 'function')
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member, depth + 1)}`);
  return `{${members.join(',')}}`;
}
