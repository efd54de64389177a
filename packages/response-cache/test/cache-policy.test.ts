import { describe, expect, it } from '@jest/globals';
import { judge, type RequestFacts } from '../src/cache-policy.js';

const NOW = Date.UTC(2026, 0, 1);
const settings = {
  ttlMs: 10_000,
  heuristicFraction: 0,
  heuristicMaxMs: 86_400_000,
  maxBodyBytes: 1_000,
  revalidateMs: 0,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
};
const anyone: RequestFacts = { cacheControl: undefined, isPersonal: false, delayMs: 0 };

function verdict(headers: Record<string, string>, { status = 200, request = anyone } = {}) {
  const header = (name: string) => headers[name];
  return judge(request, { status, header }, settings, NOW);
}
const reason = (...args: Parameters<typeof verdict>) => {
  const result = verdict(...args);
  return result.isStorable ? result.life.ttlMs : result.reason;
};

describe('judge()', () => {
  it('stores a response that says nothing for ttlMs', () => {
    expect(verdict({})).toStrictEqual({
      isStorable: true,
      life: { ttlMs: 10_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0, isStaleAllowed: true },
      keepMs: 0,
      isShared: false,
      ageSeconds: 0,
    });
  });

  it.each([
    [
      's-maxage before max-age and Expires (RFC 9111 §4.2.1)',
      { 'cache-control': 'max-age=9, s-maxage=5', expires: '0' },
      5_000,
    ],
    ['max-age before Expires (RFC 9111 §5.3)', { 'cache-control': 'max-age=9', expires: '0' }, 9_000],
    ['Expires from now', { expires: 'Thu, 01 Jan 2026 00:00:07 GMT' }, 7_000],
    [
      'Expires from Date (RFC 9111 §4.2.1)',
      { expires: 'Thu, 01 Jan 2026 00:01:07 GMT', date: 'Thu, 01 Jan 2026 00:01:00 GMT' },
      7_000,
    ],
    ['the rest after Age (RFC 9111 §4.2.3)', { 'cache-control': 'max-age=9', age: '4' }, 5_000],
  ])('takes %s', (_name, headers: Record<string, string>, expected) => {
    expect(reason(headers)).toBe(expected);
  });

  it.each([
    ['no-store (RFC 9111 §5.2.2.5)', { 'cache-control': 'no-store' }, 'no-store'],
    ['private (RFC 9111 §5.2.2.7)', { 'cache-control': 'private' }, 'private'],
    ['private with fields (RFC 9111 §5.2.2.7)', { 'cache-control': 'private="x"' }, 'private'],
    ['private beside public', { 'cache-control': 'public, private' }, 'private'],
    ['no-cache (RFC 9111 §5.2.2.4)', { 'cache-control': 'no-cache' }, 'no-cache'],
    ['a life of 0', { 'cache-control': 'max-age=0' }, 'not-fresh'],
    ['an age over its life (RFC 9111 §4.2)', { 'cache-control': 'max-age=5', age: '5' }, 'not-fresh'],
    ['Expires: 0 (RFC 9111 §5.3)', { expires: '0' }, 'not-fresh'],
    ['an Expires that is no date (RFC 9111 §5.3)', { expires: 'tomorrow' }, 'not-fresh'],
    ['an Expires in the past', { expires: 'Wed, 31 Dec 2025 23:59:59 GMT' }, 'not-fresh'],
    ['Set-Cookie', { 'set-cookie': 'a=b', 'cache-control': 'public' }, 'set-cookie'],
    ['Vary: * (RFC 9111 §4.1)', { vary: 'accept, *' }, 'vary'],
    ['Content-Range (RFC 9111 §3.3)', { 'content-range': 'bytes 0-1/2' }, 'range'],
    ['an event stream', { 'content-type': 'Text/Event-Stream; charset=utf-8' }, 'event-stream'],
    ['announced trailers', { trailer: 'x' }, 'trailers'],
    ['a Content-Length over the limit', { 'content-length': '1001' }, 'too-large'],
  ])('refuses %s', (_name, headers: Record<string, string>, expected) => {
    expect(reason(headers)).toBe(expected);
  });

  it.each([200, 203, 204, 300, 301, 308])('stores %i (RFC 9110 §15.1)', (status) => {
    expect(reason({}, { status })).toBe(10_000);
  });

  it.each([302, 307, 404, 410])('stores %i only with a life of its own (RFC 9111 §3)', (status) => {
    expect(reason({}, { status })).toBe('status');
    expect(reason({ 'cache-control': 'public' }, { status })).toBe('status');
    expect(reason({ 'cache-control': 'max-age=3' }, { status })).toBe(3_000);
  });

  it.each([100, 201, 202, 206, 303, 304, 400, 401, 403, 405, 414, 429, 500, 501, 503])(
    'never stores %i (RFC 9111 §3)',
    (status) => {
      expect(['status', 'range']).toContain(reason({ 'cache-control': 'max-age=60, public' }, { status }));
    },
  );

  it('refuses a request with no-store (RFC 9111 §5.2.1.5)', () => {
    expect(reason({}, { request: { ...anyone, cacheControl: 'max-age=0, No-Store' } })).toBe('no-store');
  });

  it.each([
    ['', 'personal'],
    ['max-age=60', 'personal'],
    ['must-revalidate', 'personal'],
    ['public', 10_000],
    ['s-maxage=4', 4_000],
    ['public, no-store', 'no-store'],
  ])('decides on a response with "%s" to a request with credentials (RFC 9111 §3.5)', (cacheControl, expected) => {
    const request = { ...anyone, isPersonal: true };
    expect(reason({ 'cache-control': cacheControl }, { request })).toBe(expected);
  });
});
