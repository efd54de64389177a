import { describe, expect, it } from '@jest/globals';
import { recordId, targetOfUrl, urlKey, withoutParameters } from '../src/url-key.js';

describe('urlKey()', () => {
  it.each([
    ['/a', '/a'],
    ['/a?', '/a'],
    ['/a?&&', '/a'],
    ['/a?b=2&a=1', '/a?a=1&b=2'],
    ['/a?x=2&a=0&x=1', '/a?a=0&x=2&x=1'],
    ['/a?b&a', '/a?a&b'],
    ['/a?q=%26b&p', '/a?p&q=%26b'],
    ['/a?b=?x&a', '/a?a&b=?x'],
    ['/%7euser/%2fx%c3', '/~user/%2Fx%C3'],
    ['/a?q=%41%26', '/a?q=A%26'],
    ['/100%', '/100%'],
  ])('makes of %s the key %s', (url, expected) => {
    expect(urlKey(url)).toBe(expected);
  });
});

describe('withoutParameters()', () => {
  it.each([
    ['/a?utm_source=x&b=1', '/a?b=1'],
    ['/a?b=1&a=2&utm_id', '/a?b=1&a=2'],
    ['/a?utm_source=x', '/a'],
    ['/a', '/a'],
  ])('makes of %s the URL %s', (url, expected) => {
    expect(withoutParameters(url, (name) => name.startsWith('utm_'))).toBe(expected);
    expect(urlKey(url, (name) => name.startsWith('utm_'))).toBe(urlKey(expected));
  });
});

describe('targetOfUrl()', () => {
  it.each(['/a?b=1&a=2', 'https://shop.example/a?b=1&a=2', '/a?a=2&b=1#top'])(
    'makes of %s the key of its requests',
    (url) => {
      expect(urlKey(targetOfUrl(url))).toBe('/a?a=2&b=1');
    },
  );
});

describe('recordId()', () => {
  it('gives no two pairs of key and user the same id', () => {
    const texts = ['a', 'b', 'a b', ' ', '/x', 'GET /x', 'USER a b', '%20', 'a%20b', 'é'];
    const pairs = texts.flatMap((key) => [undefined, ...texts].map((user) => recordId(key, user)));
    expect(new Set(pairs).size).toBe(pairs.length);
  });
});
