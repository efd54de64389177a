import { describe, expect, it } from '@jest/globals';
import { OptionError } from '@sallyport/core';
import { connect, expressVersions } from '@sallyport/testkit';
import { judge } from '../src/cache-policy.js';
import { responseCache } from '../src/index.js';
import { site } from './fixture.js';

const NOW = Date.UTC(2026, 0, 11);
const TEN_DAYS_AGO = 'Thu, 01 Jan 2026 00:00:00 GMT';
const DAY_MS = 86_400_000;
const settings = {
  ttlMs: 10_000,
  heuristicFraction: 0.1,
  heuristicMaxMs: 7 * DAY_MS,
  maxBodyBytes: 1_000,
  revalidateMs: 0,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
};

function verdict(headers: Record<string, string>, changed: Partial<typeof settings> = {}, status = 200) {
  const facts = { cacheControl: undefined, isPersonal: false, delayMs: 0 };
  return judge(facts, { status, header: (name) => headers[name] }, { ...settings, ...changed }, NOW);
}
const ttlMs = (...args: Parameters<typeof verdict>) => {
  const result = verdict(...args);
  return result.isStorable ? result.life.ttlMs : result.reason;
};

describe('heuristicFraction', () => {
  it('gives a response its part of the time since Last-Modified (RFC 9111 §4.2.2)', () => {
    expect(ttlMs({ 'last-modified': TEN_DAYS_AGO })).toBe(DAY_MS);
    const dated = { 'last-modified': TEN_DAYS_AGO, date: 'Tue, 06 Jan 2026 00:00:00 GMT' };
    // Half a day by its Date, of which five days have passed.
    expect(ttlMs(dated)).toBe('not-fresh');
  });

  it.each([
    ['max-age', { 'cache-control': 'max-age=7' }, 7_000],
    ['s-maxage', { 'cache-control': 's-maxage=7' }, 7_000],
    ['Expires', { expires: 'Sun, 11 Jan 2026 00:00:07 GMT' }, 7_000],
    ['an Expires that is no date', { expires: '0' }, 'not-fresh'],
  ])('is not used where there is %s (RFC 9111 §4.2.2)', (_name, headers, expected) => {
    expect(ttlMs({ 'last-modified': TEN_DAYS_AGO, ...headers })).toBe(expected);
  });

  it('is bounded by heuristicMaxMs, and by nothing else when it is longer than ttlMs (RFC 9111 §4.2.2)', () => {
    expect(ttlMs({ 'last-modified': TEN_DAYS_AGO }, { heuristicMaxMs: 60_000 })).toBe(60_000);
  });

  it('leaves ttlMs to what has no Last-Modified, or one that is no date', () => {
    expect([ttlMs({}), ttlMs({ 'last-modified': 'yesterday' })]).toStrictEqual([10_000, 10_000]);
  });

  it('gives no life to what was modified after it was sent', () => {
    expect(ttlMs({ 'last-modified': 'Mon, 12 Jan 2026 00:00:00 GMT' })).toBe('not-fresh');
  });

  it('gives no life to a status that needs an explicit one (RFC 9111 §4.2.2)', () => {
    expect(ttlMs({ 'last-modified': TEN_DAYS_AGO }, {}, 302)).toBe('status');
    expect(ttlMs({ 'last-modified': TEN_DAYS_AGO }, {}, 500)).toBe('status');
  });

  it('is off by default', () => {
    expect(ttlMs({ 'last-modified': TEN_DAYS_AGO }, { heuristicFraction: 0 })).toBe(10_000);
  });

  it.each([-0.1, 1.1, Number.NaN, '0.1'])('is refused when it is %p', (heuristicFraction) => {
    const options = { redis: connect(), ttlMs: 1, heuristicFraction } as never;
    expect(() => responseCache(options)).toThrow(OptionError);
    expect(() => responseCache(options)).toThrow('`heuristicFraction`');
  });

  it.each(expressVersions)('reaches the handler of a route on $name (RFC 9111 §4.2.2)', async ({ express }) => {
    const lastModified = new Date(Date.now() - 10 * DAY_MS).toUTCString();
    for (const [heuristicFraction, expected] of [
      [0, 60],
      [0.1, 86_400],
    ] as const) {
      const shop = site(express, { heuristicFraction });
      shop.serve((_req, res) => void res.set('Last-Modified', lastModified).send('page'));
      await shop.get('/');
      const [, ttl] = /ttl=(\d+)/.exec((await shop.get('/')).headers['cache-status'] ?? '') ?? [];
      expect(Math.abs(Number(ttl) - expected)).toBeLessThanOrEqual(5);
    }
  });
});
