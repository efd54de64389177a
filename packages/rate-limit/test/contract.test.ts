import { expect } from '@jest/globals';
import { middlewareContract } from '@sallyport/testkit';
import { rateLimit } from '../src/index.js';

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
    algorithm: ['ring', null, 1],
    name: ['', 'log in', 'a:b', '{tag}', 'log-in!', 7, null],
    key: ['ip', null],
    ipv6Subnet: [31, 129, 64.5, '64', null],
  },
  storedKey: '127.0.0.1',
});
