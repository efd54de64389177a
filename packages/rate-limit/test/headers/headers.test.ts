import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { resolveHeaderOptions, type HeaderOptions } from '../../src/headers/header-options.js';
import { buildHeaders } from '../../src/headers/headers.js';
import type { Decision } from '../../src/decision.js';
import { decision, decisions, verdict } from './arbitrary-decisions.js';

const context = { nowMs: Date.UTC(2026, 10, 20, 12), random: () => 0.999 };

function fieldsOf(what: Decision, options?: HeaderOptions): Record<string, string> {
  return Object.fromEntries(buildHeaders(what, resolveHeaderOptions(options, []), context));
}

describe('buildHeaders()', () => {
  it('gives the legacy triple with seconds until the whole limit is back, unless told otherwise', () => {
    expect(fieldsOf(decision(verdict()))).toEqual({
      'X-RateLimit-Limit': '100',
      'X-RateLimit-Remaining': '99',
      'X-RateLimit-Reset': '60',
    });
  });

  it.each([
    ['delta-seconds', '60'],
    ['epoch-seconds', String(Date.UTC(2026, 10, 20, 12) / 1000 + 60)],
    ['iso-8601', '2026-11-20T12:00:59.001Z'],
  ] as const)('gives Reset as %s: %s', (legacy, expected) => {
    expect(fieldsOf(decision(verdict()), { legacy })['X-RateLimit-Reset']).toBe(expected);
  });

  it('gives a Reset that a Date can hold, however far it is', () => {
    const far = decision(verdict({ resetMs: Number.MAX_SAFE_INTEGER }));
    expect(fieldsOf(far, { legacy: 'iso-8601' })['X-RateLimit-Reset']).toBe('+275760-09-13T00:00:00.000Z');
  });

  it('gives both families when both are asked for, and none when none is', () => {
    expect(Object.keys(fieldsOf(decision(verdict()), { draft: 8 }))).toEqual([
      'X-RateLimit-Limit',
      'X-RateLimit-Remaining',
      'X-RateLimit-Reset',
      'RateLimit',
      'RateLimit-Policy',
    ]);
    expect(fieldsOf(decision(verdict()), { legacy: false })).toEqual({});
  });

  it.each(['banned', 'blocked'] as const)('says nothing about quotas to a client that is %s', (reason) => {
    const refused: Decision = {
      ...decision(verdict()),
      outcome: 'denied',
      isAllowed: false,
      reason,
      retryAfterMs: 5_000,
    };
    const expected = reason === 'banned' ? { 'Retry-After': '5' } : {};
    expect(fieldsOf(refused, { draft: 8 })).toEqual(expected);
  });

  describe('when Redis could not decide', () => {
    const degraded: Decision = { ...decision(verdict()), outcome: 'degraded', reason: 'store-failure' };

    it('gives an admitted request no field', () => {
      expect(fieldsOf(degraded, { draft: 8, exposeHeaders: true })).toEqual({});
    });

    it('gives a refused one Retry-After alone', () => {
      expect(fieldsOf({ ...degraded, isAllowed: false, policies: [] }, { draft: 8 })).toEqual({ 'Retry-After': '1' });
    });
  });

  it('names every field that it gives for scripts of other origins when asked', () => {
    const refused = decision(verdict({ isAllowed: false, retryAfterMs: 500 }));
    expect(fieldsOf(refused, { draft: 8, exposeHeaders: true })['Access-Control-Expose-Headers']).toBe(
      'X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit, RateLimit-Policy, Retry-After',
    );
  });

  it('gives no value that could break out of its line', () => {
    const options = [6, 7, 8, false] as const;
    const property = fc.property(decisions, fc.constantFrom(...options), (made, draft) => {
      for (const value of Object.values(fieldsOf(made, { draft }))) expect(value).toMatch(/^[\x20-\x7e]+$/);
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe('Retry-After', () => {
  const refused = (...waits: number[]) =>
    decision(...waits.map((retryAfterMs, index) => verdict({ name: `p${index}`, isAllowed: false, retryAfterMs })));

  it.each([
    [0, '1'],
    [1, '1'],
    [1_000, '1'],
    [1_001, '2'],
    [86_400_000, '86400'],
  ])('turns %i ms into whole seconds, never 0 and never too early: %s (RFC 9110 §10.2.3)', (ms, seconds) => {
    expect(fieldsOf(refused(ms))['Retry-After']).toBe(seconds);
  });

  it('is the longest wait of the policies that refused', () => {
    expect(fieldsOf(refused(1_000, 7_000, 3_000))['Retry-After']).toBe('7');
  });

  it('is absent from an admitted response', () => {
    expect(fieldsOf(decision(verdict()))).not.toHaveProperty('Retry-After');
  });

  it('is later by the jitter, and never earlier', () => {
    const settings = resolveHeaderOptions({ legacy: false, retryAfterJitterSeconds: 10 }, []);
    const at = (random: number) => buildHeaders(refused(5_000), settings, { nowMs: 0, random: () => random });
    expect([0, 0.5, 0.999_999].map(at)).toEqual([
      [['Retry-After', '5']],
      [['Retry-After', '10']],
      [['Retry-After', '15']],
    ]);
  });
});

describe('resolveHeaderOptions()', () => {
  it.each([
    [{ legacy: true }, "option `headers.legacy` must be one of 'delta-seconds', 'epoch-seconds', 'iso-8601', got true"],
    [
      { legacy: 'github' },
      "option `headers.legacy` must be one of 'delta-seconds', 'epoch-seconds', 'iso-8601', got 'github'",
    ],
    [{ draft: 5 }, 'option `headers.draft` must be false, 6, 7 or 8, got 5'],
    [{ draft: '8' }, "option `headers.draft` must be false, 6, 7 or 8, got '8'"],
    [
      { retryAfterJitterSeconds: -1 },
      'option `headers.retryAfterJitterSeconds` must be an integer from 0 to 86400, got -1',
    ],
    [{ retryAfterJitterSeconds: Number.NaN }, 'got NaN'],
    [{ exposeHeaders: 'yes' }, "option `headers.exposeHeaders` must be true or false, got 'yes'"],
    [{ partitionKey: true }, 'option `headers.partitionKey` must be left out without `draft: 8`, got true'],
    [{ standard: 8 }, 'option `headers.standard` must be left out: there is no such option'],
    [false, 'option `headers` must be an object, got false'],
    [null, 'option `headers` must be an object, got null'],
    ['draft-8', "option `headers` must be an object, got 'draft-8'"],
    [[], 'option `headers` must be an object, got'],
  ])('refuses %j', (options, message) => {
    expect(() => resolveHeaderOptions(options as HeaderOptions, [])).toThrow(message);
    expect(() => resolveHeaderOptions(options as HeaderOptions, [])).toThrow(
      expect.objectContaining({ code: 'ERR_RATE_LIMIT_OPTION' }),
    );
  });

  it.each(['größe', 'a\nb', 'tab\t', '\u007f'])(
    'refuses the name %j, which no String can hold (RFC 9651 §3.3.3)',
    (name) => {
      expect(() => resolveHeaderOptions({ draft: 8 }, ['fine', name])).toThrow(
        'option `policies[1].name` must be printable ASCII, got ',
      );
      expect(() => resolveHeaderOptions({ draft: 7 }, [name])).not.toThrow();
    },
  );

  it('leaves frozen options as they are', () => {
    expect(resolveHeaderOptions(Object.freeze({ draft: 8 as const }), ['"gold" \\ plan'])).toEqual({
      legacy: 'delta-seconds',
      draft: 8,
      partitionKey: false,
      retryAfterJitterSeconds: 0,
      exposeHeaders: false,
    });
  });
});
