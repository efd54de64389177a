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

  it('refuses a limit that would not be exact over its window, naming the largest that is', () => {
    const year = 31_536_000_000;
    expect(() => rateLimit({ redis, limit: 142_808, windowMs: year })).not.toThrow();
    expect(() => rateLimit({ redis, limit: 142_809, windowMs: year })).toThrow(
      'option `limit` must be at most 142808 with windowMs 31536000000 (their product at most 2^52), got 142809',
    );
  });

  it('refuses ipv6Subnet together with key, which it would not have an effect on', () => {
    const options = { redis, limit: 1, windowMs: 1_000, key: () => 'one', ipv6Subnet: 64 };
    expect(() => rateLimit(options)).toThrow('option `ipv6Subnet` must be left out when `key` is given, got 64');
  });
});
