import { describe, expect, it } from '@jest/globals';
import { assert, jsonValue, pre, property, uint8Array } from 'fast-check';
import { Kind } from '../src/frame.js';
import { decodeValue, encodeValue } from '../src/value-codec.js';

const roundTrip = (value: unknown) => {
  const { kind, body } = encodeValue(value);
  return decodeValue(kind, body)?.value;
};

describe('decodeValue()', () => {
  it('gives back any JSON value', () => {
    assert(
      property(jsonValue(), (value) => {
        const text = JSON.stringify(value);
        pre(!/__proto__|"constructor"/.test(text));
        expect(JSON.stringify(roundTrip(value))).toBe(text);
      }),
    );
  });

  it('gives back any bytes as a Buffer, from a Uint8Array too', () => {
    assert(
      property(uint8Array(), (bytes) => {
        expect(roundTrip(bytes)).toStrictEqual(Buffer.from(bytes));
      }),
    );
  });

  it.each([
    ['__proto__', '{"a":1,"__proto__":{"isAdmin":true}}'],
    ['__proto__, spelled with escapes', '{"a":1,"\\u005f_proto__":{"isAdmin":true}}'],
    ['constructor.prototype', '{"a":1,"constructor":{"prototype":{"isAdmin":true}}}'],
    ['__proto__, deep inside', '{"a":1,"b":{"c":[{"__proto__":{"isAdmin":true}}]}}'],
  ])('drops %s, so that a merge of the value changes no prototype', (_name, text) => {
    const decoded = decodeValue(Kind.Json, Buffer.from(text));
    const merged = merge({}, decoded?.value as object);
    expect(merged).toMatchObject({ a: 1 });
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    expect((merged as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it('keeps a member that is merely called constructor', () => {
    expect(roundTrip({ constructor: 'Ferrari', points: 44 })).toStrictEqual({ constructor: 'Ferrari', points: 44 });
  });

  it('gives undefined for text that is no JSON and for a kind that is none', () => {
    expect(decodeValue(Kind.Json, Buffer.from('{"cut":'))).toBeUndefined();
    expect(decodeValue(Kind.Mark, Buffer.alloc(0))).toBeUndefined();
    expect(decodeValue(99, Buffer.alloc(0))).toBeUndefined();
  });
});

describe('encodeValue()', () => {
  it('refuses what JSON has no form for, with the reason as the cause', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const value of [1n, cycle]) {
      expect(() => encodeValue(value)).toThrow(
        expect.objectContaining({ code: 'ERR_CACHE_VALUE', cause: expect.any(TypeError) }),
      );
    }
    expect(() => encodeValue(Symbol('x'))).toThrow(/JSON has no form for a symbol/);
  });
});

/** The careless deep merge that makes prototype pollution possible. */
function merge(target: Record<string, unknown>, source: object): Record<string, unknown> {
  for (const [name, value] of Object.entries(source)) {
    const inner = target[name];
    if (typeof value === 'object' && value !== null && typeof inner === 'object' && inner !== null) {
      merge(inner as Record<string, unknown>, value as object);
    } else if (typeof value === 'object' && value !== null && typeof inner === 'function') {
      merge(inner as unknown as Record<string, unknown>, value as object);
    } else target[name] = value;
  }
  return target;
}
