import { describe, expect, it } from '@jest/globals';
import { deltaSeconds, parseCacheControl } from '../src/cache-control.js';

describe('parseCacheControl()', () => {
  it.each([
    ['', {}],
    ['no-store', { 'no-store': '' }],
    ['No-Store , MAX-AGE=5', { 'no-store': '', 'max-age': '5' }],
    ['max-age="5"', { 'max-age': '5' }],
    ['private="set-cookie, x-user", max-age=5', { private: 'set-cookie, x-user', 'max-age': '5' }],
    ['ext="no-store, private"', { ext: 'no-store, private' }],
    [',, ;max-age=5,', { 'max-age': '5' }],
    ['ext="a\\"b", no-store', { ext: 'a\\"b', 'no-store': '' }],
  ])('reads %p (RFC 9111 §5.2)', (text, expected) => {
    expect(Object.fromEntries(parseCacheControl(text))).toStrictEqual(expected);
  });

  it.each([
    ['max-age=60, max-age=10', '10'],
    ['max-age=10, max-age=60', '10'],
    ['max-age=60, max-age=soon', 'soon'],
  ])('takes the most restrictive of a directive that stands twice: %s (RFC 9111 §4.2.1)', (text, expected) => {
    expect(parseCacheControl(text).get('max-age')).toBe(expected);
  });

  it('sees a directive behind an unbalanced quote', () => {
    expect([...parseCacheControl('ext="open, no-store').keys()]).toContain('no-store');
  });

  it('is done with a long hostile value at once', () => {
    const start = performance.now();
    parseCacheControl(`${'a="'.repeat(20_000)}${' '.repeat(20_000)}=`);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

describe('deltaSeconds()', () => {
  it.each([
    ['0', 0],
    ['60', 60],
    ['99999999999999', 2 ** 31],
    ['', 0],
    ['-1', 0],
    ['1.5', 0],
    ['soon', 0],
    [undefined, undefined],
  ])('gives for %p the seconds %p (RFC 9111 §1.2.2)', (text, expected) => {
    expect(deltaSeconds(text)).toBe(expected);
  });
});
