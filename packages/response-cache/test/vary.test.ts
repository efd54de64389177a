import { describe, expect, it } from '@jest/globals';
import { normalise, unite, variantId, varyNames } from '../src/vary.js';

const names = (headers: Record<string, string>) => varyNames((name) => headers[name]);

describe('varyNames()', () => {
  it.each([
    [{}, []],
    [{ vary: 'Accept , accept-LANGUAGE,,Accept' }, ['accept', 'accept-language']],
    [{ 'content-encoding': 'br' }, ['accept-encoding']],
    [{ 'access-control-allow-origin': '*' }, []],
    [{ 'access-control-allow-origin': 'https://a.example', vary: 'Accept' }, ['accept', 'origin']],
  ])('gives for %p the names %p', (headers: Record<string, string>, expected) => {
    expect(names(headers)).toStrictEqual(expected);
  });

  it('gives up on more than 12 names', () => {
    expect(names({ vary: Array.from({ length: 13 }, (_name, index) => `x-${index}`).join() })).toBeUndefined();
  });
});

describe('normalise()', () => {
  it.each([
    ['accept-encoding', 'gzip, deflate, br', 'br,gzip,deflate'],
    ['accept-encoding', 'br;q=1.0, GZIP;q=0.5, identity;q=0.1', 'br,gzip'],
    ['accept-encoding', 'x-gzip', 'gzip'],
    ['accept-encoding', 'br;q=0, gzip', 'gzip'],
    ['accept-encoding', '*', 'zstd,br,gzip,deflate'],
    ['accept-encoding', '*;q=0', '!identity'],
    ['accept-encoding', 'gzip, identity;q=0', 'gzip,!identity'],
    ['accept-encoding', 'unknown', ''],
    ['accept-encoding', undefined, null],
    ['accept-language', 'de;q=0.5, en-GB', 'en-gb,de'],
    ['accept-language', 'de, fr;q=0', 'de'],
    ['accept', 'text/HTML, */*;q=0.8', 'text/html,*/*;q=0.8'],
    ['x-other', '  A   b ', 'A b'],
    ['x-other', undefined, null],
  ])('makes of %s: %s the value %p', (name, value, expected) => {
    expect(normalise(name, value)).toBe(expected);
  });
});

describe('variantId()', () => {
  it('tells origins, names and values apart, and a missing header from an empty one', () => {
    const ids = [
      variantId('http://a', [], {}),
      variantId('https://a', [], {}),
      variantId('http://a', ['x-a'], {}),
      variantId('http://a', ['x-a'], { 'x-a': '' }),
      variantId('http://a', ['x-a'], { 'x-a': '1' }),
      variantId('http://a', ['x-b'], { 'x-b': '1' }),
      variantId('http://a', ['x-a', 'x-b'], { 'x-a': '1', 'x-b': '2' }),
      variantId('http://a', ['x-a', 'x-b'], { 'x-a': '1","2', 'x-b': '' }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('takes no notice of headers that are not named', () => {
    expect(variantId('o', ['a'], { a: '1', b: '2' })).toBe(variantId('o', ['a'], { a: '1', b: '3' }));
  });
});

describe('unite()', () => {
  it('gives both lists once, sorted', () => {
    expect(unite(['b', 'a'], ['c', 'a'])).toStrictEqual(['a', 'b', 'c']);
  });
});
