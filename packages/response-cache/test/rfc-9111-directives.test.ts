// The response directives of RFC 9111 §5.2.2 that stand in no other test's name, at the rule that decides on them.
// rfc-9111-index.test.ts has all requirements.

import { describe, expect, it } from '@jest/globals';
import { judge } from '../src/cache-policy.js';

const settings = {
  ttlMs: 10_000,
  heuristicFraction: 0,
  heuristicMaxMs: 86_400_000,
  maxBodyBytes: 1_000,
  revalidateMs: 0,
  staleWhileRevalidateMs: 5_000,
  staleIfErrorMs: 5_000,
};

function judged(cacheControl: string, isPersonal = false) {
  const header = (name: string) => (name === 'cache-control' ? cacheControl : undefined);
  return judge(
    { cacheControl: undefined, isPersonal, delayMs: 0 },
    { status: 200, header },
    settings,
    Date.UTC(2026, 0, 1),
  );
}

describe('judge()', () => {
  it.each(['max-age=7', 'max-age="7"', 'MAX-AGE=7'])('lets %s decide how long (RFC 9111 §5.2.2.1)', (text) => {
    expect(judged(text)).toMatchObject({ isStorable: true, life: { ttlMs: 7_000 } });
  });

  it('takes no-transform for no reason to keep a response out: nothing is transformed (RFC 9111 §5.2.2.6)', () => {
    expect(judged('no-transform')).toMatchObject({ isStorable: true, life: { ttlMs: 10_000 } });
  });

  it('forbids stale use by proxy-revalidate (RFC 9111 §5.2.2.8)', () => {
    const life = { staleWhileRevalidateMs: 0, staleIfErrorMs: 0, isStaleAllowed: false };
    expect(judged('max-age=7, proxy-revalidate')).toMatchObject({ life });
  });

  it('shares what was made for a request with credentials only when it is public (RFC 9111 §5.2.2.9)', () => {
    expect(judged('max-age=7', true)).toStrictEqual({ isStorable: false, reason: 'personal' });
    expect(judged('public, max-age=7', true)).toMatchObject({ isStorable: true, isShared: true });
  });

  it('puts s-maxage before max-age, forbids stale use by it, and takes it for public (RFC 9111 §5.2.2.10)', () => {
    const life = { ttlMs: 3_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0, isStaleAllowed: false };
    expect(judged('max-age=7, s-maxage=3', true)).toMatchObject({ isStorable: true, isShared: true, life });
  });
});
