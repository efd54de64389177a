import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { resolveHeaderOptions, type HeaderOptions } from '../src/headers/header-options.js';
import { buildHeaders } from '../src/headers/headers.js';
import { parseRateLimit } from '../src/parse-rate-limit.js';
import type { Decision } from '../src/decision.js';
import { closestPolicy } from '../src/headers/closest-policy.js';
import { decisions } from './headers/arbitrary-decisions.js';

const nowMs = Date.UTC(2026, 10, 20, 12);
const numRuns = process.env['SALLYPORT_TEST'] === 'full' ? 3_000 : 300;
const MOST = 999_999_999_999_999;

/** What a client reads of what we write. */
function roundTrip(decision: Decision, options: HeaderOptions, legacyReset?: 'delta-seconds' | 'epoch-seconds') {
  const fields = buildHeaders(decision, resolveHeaderOptions(options, []), { nowMs, random: () => 0 });
  const shapes = [
    Object.fromEntries(fields),
    Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value])),
    new Headers(fields.map(([name, value]): [string, string] => [name, value])),
  ];
  const [first, ...others] = shapes.map((headers) => parseRateLimit(headers, { nowMs, legacyReset }));
  for (const other of others) expect(other).toEqual(first);
  return first ?? { policies: [] };
}

describe('parseRateLimit()', () => {
  describe('with what buildHeaders() gives', () => {
    it('reads every policy of drafts 08 to 11', () => {
      const property = fc.property(decisions, fc.boolean(), (decision, partitionKey) => {
        const { policies, retryAfterSeconds } = roundTrip(decision, { legacy: false, draft: 8, partitionKey });
        expect(policies.map(({ name, limit, unit, remaining }) => ({ name, limit, unit, remaining }))).toEqual(
          decision.policies.map(({ name, limit, unit, remaining }) => {
            return { name, limit: Math.min(limit, MOST), unit, remaining: Math.min(remaining, MOST) };
          }),
        );
        decision.policies.forEach(({ windowMs, unit }, index) => {
          const hasWindow = unit !== 'concurrent-requests' && windowMs % 1000 === 0;
          expect(policies[index]?.windowSeconds).toBe(hasWindow ? windowMs / 1000 : undefined);
          expect(policies[index]?.partitionKey?.length).toBe(partitionKey ? 9 : undefined);
        });
        expect(retryAfterSeconds).toBe(
          decision.isAllowed ? undefined : Math.max(1, Math.ceil(decision.retryAfterMs / 1000)),
        );
      });
      fc.assert(property, { numRuns });
    });

    it.each([6, 7] as const)('reads the closest policy of draft 0%i first', (draft) => {
      const property = fc.property(decisions, (decision) => {
        const { policies } = roundTrip(decision, { legacy: false, draft });
        const requests = decision.policies.filter(({ unit }) => unit === 'requests');
        const closest = closestPolicy(requests);
        expect(policies[0]?.limit).toBe(closest && Math.min(closest.limit, MOST));
        expect(policies[0]?.remaining).toBe(closest && Math.min(closest.remaining, MOST));
        const waitMs = closest?.isAllowed ? closest.resetMs : closest?.retryAfterMs;
        expect(policies[0]?.resetSeconds).toBe(waitMs === undefined ? undefined : Math.ceil(waitMs / 1000));
      });
      fc.assert(property, { numRuns });
    });

    it.each(['delta-seconds', 'epoch-seconds', 'iso-8601'] as const)(
      'reads X-RateLimit-* with Reset as %s',
      (legacy) => {
        const property = fc.property(decisions, (decision) => {
          const { policies } = roundTrip(decision, { legacy });
          const closest = closestPolicy(decision.policies);
          // More digits than any limiter has are no number to this parser.
          if (closest === undefined || Math.max(closest.limit, closest.remaining) > MOST) return;
          expect(policies).toEqual([
            { limit: closest.limit, remaining: closest.remaining, resetSeconds: Math.ceil(closest.resetMs / 1000) },
          ]);
        });
        fc.assert(property, { numRuns });
      },
    );
  });

  describe('with what other servers send', () => {
    it.each([
      [
        'GitHub',
        { 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '58', 'x-ratelimit-reset': String(nowMs / 1000 + 1800) },
        1800,
      ],
      [
        'X',
        {
          'x-rate-limit-limit': '60',
          'x-rate-limit-remaining': '58',
          'x-rate-limit-reset': String(nowMs / 1000 + 900),
        },
        900,
      ],
      ['Fastify', { 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '58', 'x-ratelimit-reset': '42' }, 42],
      [
        'Discord',
        { 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '58', 'x-ratelimit-reset': `${nowMs / 1000 + 1.25}` },
        2,
      ],
      [
        'Atlassian',
        { 'X-RateLimit-Limit': '60', 'X-RateLimit-Remaining': '58', 'X-RateLimit-Reset': '2026-11-20T12:05Z' },
        300,
      ],
      ['Kong', { 'RateLimit-Limit': 60, 'RateLimit-Remaining': 58, 'RateLimit-Reset': 17 }, 17],
    ])('reads %s', (_, headers, resetSeconds) => {
      expect(parseRateLimit(headers, { nowMs }).policies).toEqual([{ limit: 60, remaining: 58, resetSeconds }]);
    });

    it('reads the policies behind the limit of early drafts (draft 03 §3.1)', () => {
      const headers = { 'ratelimit-limit': '100, 100;w=60, 5000;w=3600', 'ratelimit-remaining': '7' };
      expect(parseRateLimit(headers).policies).toEqual([
        { limit: 100, windowSeconds: 60, remaining: 7 },
        { limit: 5000, windowSeconds: 3600 },
      ]);
    });

    it('does not guess the window when two policies have the limit that is spoken of', () => {
      const headers = { ratelimit: 'limit=10, remaining=1, reset=2', 'ratelimit-policy': '10;w=1, 10;w=60' };
      expect(parseRateLimit(headers).policies).toEqual([
        { limit: 10, remaining: 1, resetSeconds: 2 },
        { limit: 10, windowSeconds: 1 },
        { limit: 10, windowSeconds: 60 },
      ]);
    });

    it('puts quota and state of one name and partition together, over several lines', () => {
      const headers = {
        'ratelimit-policy': ['"a";q=10;w=60;pk=:YQ==:', '"a";q=20;w=60;pk=:Yg==:;acme-burst=5;note=?1'],
        ratelimit: '"a";r=19;t=3;pk=:Yg==:, "new";r=1',
      };
      expect(parseRateLimit(headers).policies).toMatchObject([
        { name: 'a', limit: 10 },
        { name: 'a', limit: 20, remaining: 19, resetSeconds: 3 },
        { name: 'new', remaining: 1 },
      ]);
    });

    it('prefers the newest form', () => {
      const headers = { ratelimit: '"a";r=1', 'ratelimit-limit': '5', 'x-ratelimit-limit': '6' };
      expect(parseRateLimit(headers).policies).toEqual([{ name: 'a', remaining: 1 }]);
    });
  });

  describe('with moments', () => {
    it.each([
      ['Fri, 20 Nov 2026 12:01:40 GMT', 100],
      ['Friday, 20-Nov-26 12:01:40 GMT', 100],
      ['Fri Nov 20 12:01:40 2026', 100],
      ['Fri, 20 Nov 2026 11:00:00 GMT', 0],
      ['120', 120],
      ['0', 0],
    ])('reads Retry-After %s (RFC 9110 §10.2.3)', (value, seconds) => {
      expect(parseRateLimit({ 'retry-after': value }, { nowMs })).toEqual({ policies: [], retryAfterSeconds: seconds });
    });

    it("measures them by the server's clock, when the client's is wrong", () => {
      const headers = {
        date: 'Fri, 20 Nov 2026 12:00:00 GMT',
        'retry-after': 'Fri, 20 Nov 2026 12:00:30 GMT',
        'x-ratelimit-limit': '5',
        'x-ratelimit-reset': String(nowMs / 1000 + 40),
      };
      expect(parseRateLimit(headers, { nowMs: nowMs - 7_200_000 })).toEqual({
        policies: [{ limit: 5, resetSeconds: 40 }],
        retryAfterSeconds: 30,
      });
    });

    it('takes Reset as told', () => {
      const reset = (value: string, legacyReset: 'delta-seconds' | 'epoch-seconds' | 'iso-8601') =>
        parseRateLimit({ 'x-ratelimit-limit': '5', 'x-ratelimit-reset': value }, { nowMs, legacyReset }).policies[0]
          ?.resetSeconds;
      expect(reset('2000000000', 'delta-seconds')).toBe(2_000_000_000);
      expect(reset('60', 'epoch-seconds')).toBe(0);
      expect(reset('60', 'iso-8601')).toBeUndefined();
      expect(reset('2026-11-20T12:05:00Z', 'delta-seconds')).toBeUndefined();
    });
  });

  describe('with what it must ignore', () => {
    it.each([
      ['a fraction', { ratelimit: '"a";r=2.5' }],
      ['a Token for a number', { ratelimit: '"a";r=Infinity' }],
      ['a negative number', { ratelimit: '"a";r=-1' }],
      ['no number at all', { ratelimit: '"a"' }],
      ['a window of 0', { 'ratelimit-policy': '"a";q=1;w=0' }],
      ['unescaped quotes', { 'ratelimit-policy': '"my "gold" plan";q=1' }],
      ['text outside of ASCII', { ratelimit: '"größe";r=1' }],
      ['sixteen digits', { ratelimit: '"a";r=1000000000000000' }],
      ['a key that is no Byte Sequence', { ratelimit: '"a";r=1;pk="x"' }],
      ['a legacy field that is no number', { 'x-ratelimit-limit': 'many', 'x-ratelimit-remaining': '' }],
      ['a Retry-After that is nothing', { 'retry-after': 'soon' }],
      ['a negative Retry-After', { 'retry-after': '-1' }],
      ['a moment without a zone', { 'retry-after': '2026-11-20T12:00:00' }],
      ['nothing', {}],
    ])('ignores %s (draft 08–11 §6)', (_, headers) => {
      expect(parseRateLimit(headers)).toEqual({ policies: [] });
    });

    it('keeps the good items of a field beside a bad one', () => {
      expect(parseRateLimit({ ratelimit: '"a";r=x, "b";r=1' }).policies).toEqual([{ name: 'b', remaining: 1 }]);
    });

    it('ignores quotas of a response out of a cache, and not its Retry-After (draft 10 §7.3)', () => {
      const headers = { ratelimit: '"a";r=1', 'retry-after': '5' };
      expect(parseRateLimit({ ...headers, age: '12' })).toEqual({ policies: [], retryAfterSeconds: 5 });
      expect(parseRateLimit({ ...headers, age: '0' }).policies).toEqual([{ name: 'a', remaining: 1 }]);
    });

    it('throws at nothing that a server can send', () => {
      const triple = ['limit', 'remaining', 'reset'].flatMap((part) => [`ratelimit-${part}`, `x-ratelimit-${part}`]);
      const others = ['ratelimit', 'ratelimit-policy', 'retry-after', 'date', 'age', 'get', '__proto__', 'constructor'];
      const names = fc.constantFrom(...triple, ...others);
      const values = fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(fc.string(), { maxLength: 3 }),
        fc.nat().map(String),
      );
      const property = fc.property(fc.array(fc.tuple(names, values)), (entries) => {
        const { policies, retryAfterSeconds = 0 } = parseRateLimit(Object.fromEntries(entries));
        const numbers = policies.flatMap((policy) => [
          policy.limit,
          policy.remaining,
          policy.resetSeconds,
          policy.windowSeconds,
        ]);
        for (const number of [...numbers, retryAfterSeconds]) expect(number ?? 0).toBeGreaterThanOrEqual(0);
      });
      fc.assert(property, { numRuns: numRuns * 4 });
    });
  });
});
