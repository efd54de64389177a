import { expect } from '@jest/globals';
import { middlewareContract, storeContract } from '@sallyport/testkit';
import { createRateLimiter, rateLimit, type Decision } from '../src/index.js';

/** Admitted without Redis: nothing is said about a count that is not known. */
function expectSilentlyAdmitted(response: Response): void {
  expect(response.status).toBe(200);
  expect(response.headers.get('x-ratelimit-limit')).toBeNull();
}

middlewareContract({
  name: 'rate-limit',
  create: rateLimit,
  options: { limit: 1_000, windowMs: 60_000 },
  expectHealthy(response) {
    expect(response.status).toBe(200);
  },
  expectDegraded: expectSilentlyAdmitted,
  policies: {
    local: expectSilentlyAdmitted,
    open: expectSilentlyAdmitted,
    closed(response) {
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('1');
    },
  },
  badOptions: {
    limit: [undefined, null, -1, 0, 0.5, '10', Number.NaN, Number.POSITIVE_INFINITY, 1_000_000_001],
    windowMs: [undefined, null, -1, 0, 0.5, '10', Number.NaN, Number.POSITIVE_INFINITY, 31_622_400_001],
    algorithm: ['leaky', null, 1],
    policies: [null, [], 'many', 7],
    cost: [-1, 0.5, '10', Number.NaN, Number.POSITIVE_INFINITY, null, {}],
    penalty: [null, 1, {}, { strikes: 0, windowMs: 1, banMs: 1, maxBanMs: 1 }],
    instances: [0, -1, 0.5, '2', null],
    leaseMs: [0, -1, 0.5, '2', null],
    deniedCacheMs: [-1, 0.5, '2', null],
    shadow: [1, 'yes', null],
    allowList: ['192.0.2.1', [7], [''], null],
    blockList: ['192.0.2.1', [7], [''], null],
    headers: [null, 'draft', { draft: 9 }],
    name: ['', 'log in', 'a:b', '{tag}', 'log-in!', 7, null],
    key: ['ip', null],
    ipv6Subnet: [31, 129, 64.5, '64', null],
  },
  storedKey: '127.0.0.1',
});

storeContract({
  name: 'rate-limit',
  create: createRateLimiter,
  options: { policies: [{ name: 'p', limit: 1_000, windowMs: 60_000 }] },
  use: (limiter) => limiter.consume('ann'),
  expectHealthy: (outcome) =>
    expect(outcome).toMatchObject({ value: { outcome: 'allowed' } satisfies Partial<Decision> }),
  expectDegraded: (outcome) => expect(outcome).toMatchObject({ value: { outcome: 'degraded', isAllowed: true } }),
  policies: {
    open: (outcome) => expect(outcome).toMatchObject({ value: { outcome: 'degraded', isAllowed: true, policies: [] } }),
    closed: (outcome) => expect(outcome).toMatchObject({ value: { outcome: 'degraded', isAllowed: false } }),
  },
  // Requests are skipped by the middleware; here there are none.
  badOptions: { skip: [] },
  storedKey: 'ann',
  lacks: ['skip'],
});
