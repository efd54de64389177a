// The clock of this process may lag behind that of Redis, by which responses end. That they have ended is what Redis says.

import { describe, expect, it } from '@jest/globals';
import { expressVersions } from '@sallyport/testkit';
import { chooseUse, coversError, type Aged } from '../src/freshness.js';
import { site } from './fixture.js';

const STORED_AT = Date.UTC(2026, 0, 1);
const NOTHING = new Map<string, string>();

describe('chooseUse() by a clock that lags', () => {
  const ended = (life: Partial<Aged['life']> = {}): Aged => ({
    isFresh: false,
    ageSeconds: 0,
    storedAtMs: STORED_AT,
    life: { ttlMs: 1_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0, isStaleAllowed: false, ...life },
  });

  it.each([-3_600_000, -1, 0, 1, 999])(
    'serves nothing stale without a permission, %i ms after storing (RFC 9111 §4.2.4)',
    (ms) => {
      expect(chooseUse(ended(), NOTHING, STORED_AT + ms)).toBe('revalidate');
      expect(chooseUse(ended(), new Map([['max-stale', '']]), STORED_AT + ms)).toBe('revalidate');
      expect(coversError(ended(), NOTHING, STORED_AT + ms)).toBe(false);
      expect(coversError(ended(), new Map([['stale-if-error', '60']]), STORED_AT + ms)).toBe(false);
    },
  );

  it('takes what Redis has ended for ended just now', () => {
    expect(chooseUse(ended({ staleWhileRevalidateMs: 1 }), NOTHING, STORED_AT)).toBe('stale-while-revalidate');
    expect(chooseUse(ended({ isStaleAllowed: true }), new Map([['max-stale', '0']]), STORED_AT)).toBe('stale');
    expect(chooseUse(ended({ isStaleAllowed: true }), new Map([['min-fresh', '0']]), STORED_AT)).toBe('revalidate');
  });
});

describe.each(expressVersions)('a process whose clock is wrong, on $name', ({ express }) => {
  it.each([
    ['must-revalidate', -10_000],
    ['must-revalidate', 0],
    ['proxy-revalidate', -3_600_000],
    ['s-maxage=1', -10_000],
  ])('serves nothing stale that must be revalidated by %s, %i ms late (RFC 9111 §4.2.4)', async (directive, skewMs) => {
    let skew = 0;
    const shop = site(express, {
      now: () => Date.now() + skew,
      requestDirectives: 'obey',
      staleWhileRevalidateMs: 60_000,
      staleIfErrorMs: 60_000,
    });
    shop.serve((_req, res) => {
      if (shop.runs.count > 1) return void res.status(503).end('failed');
      return void res.set({ ETag: '"v1"', 'Cache-Control': `max-age=1, ${directive}` }).send('page');
    });
    await shop.get('/');
    await shop.stale();
    skew = skewMs;
    // The handler fails, so that nothing but a stale use could hide that it was asked.
    for (const cacheControl of ['', 'max-stale', 'stale-if-error=60']) {
      const headers: Record<string, string> = cacheControl === '' ? {} : { 'Cache-Control': cacheControl };
      expect(await shop.get('/', headers)).toMatchObject({ status: 503, text: 'failed' });
    }
    expect(shop.runs.count).toBe(4);
  });
});
