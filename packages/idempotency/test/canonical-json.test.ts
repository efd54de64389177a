import { describe, expect, it } from '@jest/globals';
import { canonicalJson } from '../src/canonical-json.js';

describe('canonicalJson()', () => {
  it('sorts keys at every depth and leaves lists in order', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }, 1], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1},1]}');
  });

  it.each([
    [{ a: undefined }, {}],
    [{ a: 1, b: 2 }, JSON.parse('{"b":2,"a":1}')],
    [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
  ])('takes %j and %j for the same', (one, other) => {
    expect(canonicalJson(one)).toBe(canonicalJson(other));
  });

  it.each([
    [0, false],
    [1, '1'],
    [null, {}],
    [[], {}],
    [
      ['a', 'b'],
      ['b', 'a'],
    ],
    [[['a'], 'b'], [['a', 'b']]],
    [{ a: 'b:c' }, { 'a:b': 'c' }],
    [{ bytes: '61' }, { bytes: Buffer.from('a') }],
    [5n, 5],
    [JSON.parse('{"__proto__":1}'), {}],
  ])('tells %p from %p', (one, other) => {
    expect(canonicalJson(one)).not.toBe(canonicalJson(other));
  });

  it('refuses what is nested more than 200 deep', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
    expect(canonicalJson(nested(200))).toContain('1');
    expect(() => canonicalJson(nested(201))).toThrow(
      expect.objectContaining({ code: 'ERR_IDEMPOTENCY_BODY_NOT_COMPARABLE', status: 400 }),
    );
  });
});
