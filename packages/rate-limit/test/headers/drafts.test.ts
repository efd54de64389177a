import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseDictionary, parseItem, parseList } from 'structured-headers';
import { draft06Fields } from '../../src/headers/draft-06.js';
import { draft07Fields } from '../../src/headers/draft-07.js';
import { draft08Fields } from '../../src/headers/draft-08.js';
import { buildHeaders } from '../../src/headers/headers.js';
import { resolveHeaderOptions } from '../../src/headers/header-options.js';
import { decision, decisions, verdict } from './arbitrary-decisions.js';

// What was written is read back by a parser that knows nothing of us.

const numRuns = process.env['SALLYPORT_TEST'] === 'full' ? 20_000 : 500;
const burst = verdict({ name: 'burst', limit: 20, windowMs: 1_000, remaining: 19, resetMs: 50 });
const day = verdict({ name: 'day', limit: 5_000, windowMs: 86_400_000, remaining: 4_999, resetMs: 17_280 });

/** An Integer of a field: not negative, 15 digits at most. Without `expect`, which is slow in a hundred thousand calls. */
function expectInteger(value: unknown): void {
  const isRight = Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 999_999_999_999_999;
  if (!isRight) throw new Error(`${String(value)} is no non-negative Integer of at most 15 digits`);
}

describe('draft06Fields()', () => {
  it('gives the triple about the closest policy, and all policies (draft 06 §3–4)', () => {
    expect(draft06Fields(decision(burst, day))).toEqual([
      ['RateLimit-Limit', '20'],
      ['RateLimit-Remaining', '19'],
      ['RateLimit-Reset', '1'],
      ['RateLimit-Policy', '20;w=1, 5000;w=86400'],
    ]);
  });

  it('leaves out what revision 06 cannot say: other units, and windows that are not whole seconds', () => {
    const bytes = verdict({ unit: 'content-bytes', remaining: 0 });
    const odd = verdict({ windowMs: 1_500, limit: 7, remaining: 7, resetMs: 0 });
    expect(draft06Fields(decision(bytes))).toEqual([]);
    expect(draft06Fields(decision(bytes, odd))).toEqual([
      ['RateLimit-Limit', '7'],
      ['RateLimit-Remaining', '7'],
      ['RateLimit-Reset', '0'],
    ]);
  });

  it('is read back by an independent parser (RFC 9651 §4.2)', () => {
    const property = fc.property(decisions, (made) => {
      for (const [name, value] of draft06Fields(made)) {
        if (name !== 'RateLimit-Policy') expectInteger(parseItem(value)[0]);
        else for (const [limit, parameters] of parseList(value)) [limit, parameters.get('w')].forEach(expectInteger);
      }
    });
    fc.assert(property, { numRuns });
  });
});

describe('draft07Fields()', () => {
  it('gives a dictionary about the closest policy, and all policies (draft 07 §3–4)', () => {
    expect(draft07Fields(decision(burst, day))).toEqual([
      ['RateLimit', 'limit=20, remaining=19, reset=1'],
      ['RateLimit-Policy', '20;w=1, 5000;w=86400'],
    ]);
  });

  it('gives as reset of a policy that refuses when it would admit, which Retry-After agrees with', () => {
    const refusing = { ...burst, remaining: 0, resetMs: 990, isAllowed: false, retryAfterMs: 2_500 };
    expect(draft07Fields(decision(refusing, day))[0]).toEqual(['RateLimit', 'limit=20, remaining=0, reset=3']);
  });

  it('is read back by an independent parser (RFC 9651 §4.2)', () => {
    const property = fc.property(decisions, (made) => {
      const [[, value] = []] = draft07Fields(made);
      if (value === undefined) return;
      const members = parseDictionary(value);
      expect([...members.keys()]).toEqual(['limit', 'remaining', 'reset']);
      for (const [item] of members.values()) expectInteger(item);
    });
    fc.assert(property, { numRuns });
  });
});

describe('draft08Fields()', () => {
  it('lists every policy by its name (draft 08–11 §3–4)', () => {
    expect(draft08Fields(decision(burst, day), false)).toEqual([
      ['RateLimit', '"burst";r=19;t=1, "day";r=4999;t=18'],
      ['RateLimit-Policy', '"burst";q=20;w=1, "day";q=5000;w=86400'],
    ]);
  });

  it('names units other than requests, and gives requests in flight no window', () => {
    const bytes = verdict({
      name: 'volume',
      unit: 'content-bytes',
      limit: 65_535,
      windowMs: 10_000,
      remaining: 5,
      resetMs: 0,
    });
    const inFlight = verdict({ name: 'parallel', unit: 'concurrent-requests', limit: 4, remaining: 3, resetMs: 0 });
    expect(draft08Fields(decision(bytes, inFlight), false)).toEqual([
      ['RateLimit', '"volume";r=5, "parallel";r=3'],
      ['RateLimit-Policy', '"volume";q=65535;qu="content-bytes";w=10, "parallel";q=4;qu="concurrent-requests"'],
    ]);
  });

  it('escapes quotes and backslashes in names (RFC 9651 §4.1.6)', () => {
    const gold = verdict({ name: 'my "gold" \\ plan', resetMs: 0 });
    expect(draft08Fields(decision(gold), false)[0]).toEqual(['RateLimit', String.raw`"my \"gold\" \\ plan";r=99`]);
  });

  it('leaves out a window that is not in whole seconds instead of announcing another', () => {
    for (const windowMs of [1, 250, 999, 1_001, 1_500]) {
      expect(draft08Fields(decision(verdict({ windowMs })), false)[1]).toEqual(['RateLimit-Policy', '"default";q=100']);
    }
  });

  it('tells partitions apart by a digest that shows neither address nor account', () => {
    const pk = (key: string) => /pk=:(.*?):/.exec(String(draft08Fields({ ...decision(day), key }, true)[1]))?.[1];
    expect(pk('alice')).toMatch(/^[\w+/]{12}$/);
    expect(pk('alice')).toBe(pk('alice'));
    expect(pk('alice')).not.toBe(pk('bob'));
    const [[, state] = []] = draft08Fields({ ...decision(day), key: 'alice' }, true);
    expect(state).toContain(`;pk=:${pk('alice')}:`);
  });

  it('is read back by an independent parser: the names exactly, the numbers as Integers (RFC 9651 §4.2)', () => {
    const property = fc.property(decisions, fc.boolean(), (made, hasKey) => {
      const [states = '', quotas = ''] = draft08Fields(made, hasKey).map(([, value]) => value);
      const names = made.policies.map(({ name }) => name);
      for (const [field, required, known] of [
        [states, 'r', ['r', 't', 'pk']],
        [quotas, 'q', ['q', 'qu', 'w', 'pk']],
      ] as const) {
        const items = parseList(field);
        expect(items.map(([name]) => name)).toEqual(names);
        for (const [, parameters] of items) {
          expectInteger(parameters.get(required));
          for (const [key, value] of parameters) {
            const isKnown = (known as readonly string[]).includes(key);
            if (['r', 't', 'q', 'w'].includes(key)) expectInteger(value);
            const isRight = key === 'w' ? Number(value) > 0 : key !== 'pk' || value instanceof ArrayBuffer;
            if (!isKnown || !isRight) throw new Error(`${key}=${String(value)}`);
          }
        }
      }
    });
    fc.assert(property, { numRuns });
  });

  it('never gives a t that is later than Retry-After (draft 08–11 §5)', () => {
    const settings = resolveHeaderOptions({ legacy: false, draft: 8 }, []);
    const property = fc.property(decisions, (made) => {
      const fields = Object.fromEntries(buildHeaders(made, settings, { nowMs: 0, random: () => 0 }));
      if (fields['Retry-After'] === undefined) return expect(made.isAllowed).toBe(true);
      for (const [, parameters] of parseList(fields['RateLimit'] ?? '')) {
        expect(Number(parameters.get('t') ?? 0)).toBeLessThanOrEqual(Number(fields['Retry-After']));
      }
    });
    fc.assert(property, { numRuns });
  });
});
