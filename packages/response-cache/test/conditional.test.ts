import { describe, expect, it } from '@jest/globals';
import { isNotModified } from '../src/conditional.js';

const NOW = Date.UTC(2026, 0, 1);
const DAY = 'Sun, 06 Nov 1994 08:49:37 GMT';
const BEFORE = 'Sun, 06 Nov 1994 08:49:36 GMT';
const none = { etag: undefined, lastModified: undefined, date: undefined };

describe('isNotModified()', () => {
  it.each([
    ['"a"', '"a"', true],
    ['W/"a"', '"a"', true],
    ['"a"', 'W/"a"', true],
    ['"x", "y" , W/"a"', 'W/"a"', true],
    ['"x""a"', '"a"', true],
    [' * ', '"a"', true],
    ['"A"', '"a"', false],
    ['"a', '"a"', false],
    ['a', '"a"', false],
    ['', '"a"', false],
    ['"x,a"', '"a"', false],
    ['"*"', '"a"', false],
  ])('If-None-Match: %s against %s is %p (RFC 9110 §13.1.2)', (ifNoneMatch, etag, expected) => {
    expect(isNotModified({ ifNoneMatch, ifModifiedSince: undefined }, { ...none, etag }, NOW)).toBe(expected);
  });

  it('is false when there is no tag to compare with, whatever the dates say (RFC 9110 §13.1.3)', () => {
    const conditions = { ifNoneMatch: '"a"', ifModifiedSince: DAY };
    expect(isNotModified(conditions, { ...none, lastModified: DAY }, NOW)).toBe(false);
  });

  it.each([
    [DAY, { ...none, lastModified: DAY }, true],
    [DAY, { ...none, lastModified: BEFORE }, true],
    [BEFORE, { ...none, lastModified: DAY }, false],
    [DAY, { ...none, date: BEFORE }, true],
    [DAY, none, false],
    ['1994-11-06', { ...none, lastModified: BEFORE }, false],
    [DAY, { ...none, lastModified: 'once' }, false],
  ])(
    'If-Modified-Since: %s against %p is %p (RFC 9110 §13.1.3, RFC 9111 §4.3.2)',
    (ifModifiedSince, validators, expected) => {
      expect(isNotModified({ ifNoneMatch: undefined, ifModifiedSince }, validators, NOW)).toBe(expected);
    },
  );
});
