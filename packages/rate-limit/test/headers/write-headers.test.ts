import { describe, expect, it } from '@jest/globals';
import { expressVersions, listen } from '@sallyport/testkit';
import type { Decision } from '../../src/decision.js';
import { resolveHeaderOptions, type HeaderOptions } from '../../src/headers/header-options.js';
import { joinDecisions, writeHeaders } from '../../src/headers/write-headers.js';
import { decision, verdict } from './arbitrary-decisions.js';

const context = { nowMs: 0, random: () => 0 };
const burst = verdict({ name: 'burst', limit: 20, windowMs: 1_000, remaining: 4, resetMs: 800 });
const day = verdict({ name: 'day', limit: 5_000, windowMs: 86_400_000, remaining: 9, resetMs: 86_000_000 });

describe.each(expressVersions)('writeHeaders() on $name', ({ express }) => {
  async function headersOf(made: readonly Decision[], options: HeaderOptions, exposed?: string): Promise<Headers> {
    const settings = resolveHeaderOptions(options, []);
    const app = express();
    app.get('/', (_req, res) => {
      if (exposed !== undefined) res.setHeader('Access-Control-Expose-Headers', exposed);
      for (const one of made) writeHeaders(res, one, settings, context);
      res.end();
      for (const one of made) writeHeaders(res, one, settings, context);
    });
    const { url } = await listen(app);
    return (await fetch(url)).headers;
  }

  it('tells of both limiters of one request, and in the triple of the closer one', async () => {
    for (const made of [
      [decision(burst), decision(day)],
      [decision(day), decision(burst)],
    ]) {
      const headers = await headersOf(made, { draft: 8 });
      expect(headers.get('x-ratelimit-limit')).toBe('20');
      expect(headers.get('x-ratelimit-remaining')).toBe('4');
      expect(headers.get('ratelimit')?.split(', ').toSorted()).toEqual(['"burst";r=4;t=1', '"day";r=9;t=86000']);
    }
  });

  it('tells of the refusal of the second limiter', async () => {
    const refused = decision({ ...day, remaining: 0, isAllowed: false, retryAfterMs: 86_000_000 });
    const headers = await headersOf([decision(burst), refused], { draft: 8 });
    expect(headers.get('x-ratelimit-limit')).toBe('5000');
    expect(headers.get('retry-after')).toBe('86000');
    // The wait of burst is over before the client may come back.
    expect(headers.get('ratelimit')).toBe('"burst";r=4, "day";r=0;t=86000');
  });

  it('keeps the partition of each policy when the limiters have different keys', async () => {
    const byAddress = decision(burst);
    const byAccount = { ...decision(day), key: 'alice' };
    const options = { draft: 8, partitionKey: true } as const;
    const [alone] = String((await headersOf([byAddress], options)).get('ratelimit')).split(', ');
    const together = String((await headersOf([byAddress, byAccount], options)).get('ratelimit')).split(', ');
    expect(together).toContain(alone);
    const [account] = String((await headersOf([byAccount], options)).get('ratelimit')).split(', ');
    expect(together).toContain(account);
  });

  it('adds to the names that the application exposes, once each', async () => {
    const options = { exposeHeaders: true };
    const headers = await headersOf([decision(burst), decision(day)], options, 'ETag, x-ratelimit-limit');
    expect(headers.get('access-control-expose-headers')).toBe(
      'ETag, x-ratelimit-limit, X-RateLimit-Remaining, X-RateLimit-Reset',
    );
  });
});

describe('joinDecisions()', () => {
  it('keeps of two policies of one name the one that the client hits first', () => {
    const joined = joinDecisions(decision({ ...burst, remaining: 1 }), decision({ ...burst, remaining: 3 }));
    expect(joined.policies).toMatchObject([{ name: 'burst', remaining: 1 }]);
  });

  it('keeps what Redis has said when it could not decide for the second limiter', () => {
    const degraded: Decision = { ...decision(day), outcome: 'degraded', reason: 'store-failure' };
    expect(joinDecisions(decision(burst), degraded)).toMatchObject({
      outcome: 'allowed',
      policies: [{ name: 'burst' }],
    });
    expect(joinDecisions(degraded, decision(burst))).toMatchObject({
      outcome: 'allowed',
      policies: [{ name: 'burst' }],
    });
    expect(joinDecisions(decision(burst), { ...degraded, isAllowed: false })).toMatchObject({
      outcome: 'degraded',
      isAllowed: false,
      reason: 'store-failure',
    });
  });
});
