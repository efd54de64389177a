import { describe, expect, it } from '@jest/globals';
import { connect } from '@sallyport/testkit';
import { rateLimit } from '../src/index.js';

// What the contract does not cover: long values, and rules between two options.

const redis = connect({ lazyConnect: true });

describe('options of rateLimit()', () => {
  it('refuses a name that is longer than 64 characters', () => {
    const create = (length: number) => () => rateLimit({ redis, limit: 1, windowMs: 1, name: 'n'.repeat(length) });
    expect(create(64)).not.toThrow();
    expect(create(65)).toThrow('option `name` must be 1 to 64 letters, digits, `_`, `.` and `-`');
  });

  it('takes the largest limit over the longest window, which is exact', () => {
    for (const algorithm of ['ring', 'token-bucket', 'gcra', 'fixed-window', 'sliding-window'] as const) {
      const options = { redis, windowMs: 366 * 86_400_000, algorithm };
      expect(() => rateLimit({ ...options, limit: 1_000_000_000 })).not.toThrow();
      expect(() => rateLimit({ ...options, limit: 1_000_000_001 })).toThrow(
        'option `limit` must be an integer from 1 to 1000000000',
      );
    }
  });

  it('refuses ipv6Subnet together with key, which it would not have an effect on', () => {
    const options = { redis, limit: 1, windowMs: 1_000, key: () => 'one', ipv6Subnet: 64 };
    expect(() => rateLimit(options)).toThrow('option `ipv6Subnet` must be left out when `key` is given, got 64');
  });
});
