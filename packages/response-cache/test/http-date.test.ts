import { describe, expect, it } from '@jest/globals';
import { parseHttpDate } from '../src/http-date.js';

const NOW = Date.UTC(2026, 0, 1);

describe('parseHttpDate()', () => {
  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'reads %s (RFC 9110 §5.6.7)',
    (text) => {
      expect(parseHttpDate(text, NOW)).toBe(784_111_777_000);
    },
  );

  it.each([
    ['Friday, 06-Nov-76 00:00:00 GMT', 2076],
    ['Saturday, 06-Nov-77 00:00:00 GMT', 1977],
  ])('puts the two digits of %s into %i (RFC 9110 §5.6.7)', (text, year) => {
    expect(new Date(parseHttpDate(text, NOW) ?? 0).getUTCFullYear()).toBe(year);
  });

  it.each(['', '0', '-1', '1994-11-06T08:49:37Z', 'Sun, 06 Nov 1994 08:49:37 CET', 'Sun, 06 Non 1994 08:49:37 GMT'])(
    'takes %p for no date',
    (text) => {
      expect(parseHttpDate(text, NOW)).toBeUndefined();
    },
  );
});
