// Turns values into frame bodies and back. What comes out of Redis is not trusted: text that is not JSON is a miss, and
// the members through which a later deep merge could reach `Object.prototype` are dropped.

import { UnstorableValueError } from './errors.js';
import { Kind } from './frame.js';

export interface EncodedValue {
  readonly kind: number;
  readonly body: Buffer;
  readonly isCompressed?: boolean;
}

/**
 * Encodes a Buffer (or Uint8Array) as it is, `undefined` as a mark, anything else as JSON.
 *
 * @throws {UnstorableValueError} when JSON has no form for the value
 */
export function encodeValue(value: unknown): EncodedValue {
  if (value === undefined) return { kind: Kind.Absent, body: Buffer.alloc(0) };
  if (value instanceof Uint8Array) {
    return { kind: Kind.Bytes, body: Buffer.from(value.buffer, value.byteOffset, value.byteLength) };
  }
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new UnstorableValueError(error instanceof Error ? error.message : 'JSON.stringify threw', error);
  }
  if (text === undefined) throw new UnstorableValueError(`JSON has no form for a ${typeof value}`);
  return { kind: Kind.Json, body: Buffer.from(text) };
}

/** Gives the value in a wrapper, since `undefined` is a value too; or `undefined` when the body is damaged. */
export function decodeValue(kind: number, body: Buffer): { readonly value: unknown } | undefined {
  if (kind === Kind.Absent) return { value: undefined };
  if (kind === Kind.Bytes) return { value: body };
  if (kind !== Kind.Json && kind !== Kind.Failure) return undefined;
  try {
    return { value: parseSafely(body.toString()) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** `\u005f` and its like could spell the names; JSON.stringify never writes them, so they take the careful way too. */
const SUSPICIOUS = /__proto__|"constructor"|\\u00/;

function parseSafely(text: string): unknown {
  // A reviver makes parsing several times slower: only texts that may need it pay.
  return SUSPICIOUS.test(text) ? JSON.parse(text, dropPrototypeKeys) : JSON.parse(text);
}

function dropPrototypeKeys(name: string, value: unknown): unknown {
  if (name === '__proto__') return undefined;
  const reachesPrototype =
    name === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype');
  return reachesPrototype ? undefined : value;
}
