import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseItem } from 'structured-headers';
import {
  serializeBytes,
  serializeInteger,
  serializeItem,
  serializeString,
} from '../../src/headers/structured-fields.js';
import { printableNames } from './arbitrary-decisions.js';

describe('serializeString()', () => {
  it('gives what an independent parser reads back (RFC 9651 §4.1.6)', () => {
    const property = fc.property(printableNames, (text) => {
      expect(parseItem(serializeString(text))[0]).toBe(text);
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it.each(['é', '\n', '\u0000', '\u007f', '😀'])('refuses %j (RFC 9651 §3.3.3)', (text) => {
    expect(() => serializeString(text)).toThrow(TypeError);
  });
});

describe('serializeInteger()', () => {
  it.each([
    [0, '0'],
    [999_999_999_999_999, '999999999999999'],
    [1_000_000_000_000_000, '999999999999999'],
    [Number.POSITIVE_INFINITY, '999999999999999'],
  ])('gives %d as %s: 15 digits at most (RFC 9651 §3.3.1)', (value, expected) => {
    expect(serializeInteger(value)).toBe(expected);
  });

  it.each([-1, 2.5, Number.NaN, Number.NEGATIVE_INFINITY])('refuses %d', (value) => {
    expect(() => serializeInteger(value)).toThrow(TypeError);
  });
});

describe('serializeBytes()', () => {
  it('gives what an independent parser reads back, also of a part of a buffer (RFC 9651 §4.1.8)', () => {
    const property = fc.property(fc.uint8Array(), fc.nat(5), (bytes, start) => {
      const part = bytes.subarray(start);
      expect(new Uint8Array(parseItem(serializeBytes(part))[0] as ArrayBuffer)).toEqual(new Uint8Array(part));
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe('serializeItem()', () => {
  it('gives parameters in their order, without those that are undefined (RFC 9651 §4.1.1.2)', () => {
    expect(serializeItem('"a"', { q: '1', w: undefined, pk: ':AA==:' })).toBe('"a";q=1;pk=:AA==:');
  });
});
