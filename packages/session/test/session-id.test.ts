import { describe, expect, it } from '@jest/globals';
import { addressOf, bucketOfUser, createSessionId, isDeviceId } from '../src/session-id.js';

describe('createSessionId()', () => {
  it('gives 192 random bits after the bucket, never twice', () => {
    const ids = new Set(Array.from({ length: 20_000 }, () => createSessionId('ab')));
    expect(ids.size).toBe(20_000);
    expect([...ids].filter((id) => !/^ab[\w-]{32}$/.test(id))).toStrictEqual([]);
  });

  it('spreads anonymous sessions over many buckets', () => {
    const buckets = new Set(Array.from({ length: 2_000 }, () => createSessionId().slice(0, 2)));
    expect(buckets.size).toBeGreaterThan(1_000);
  });

  it('shares nothing but the bucket between two ids of a user', () => {
    const one = createSessionId(bucketOfUser('ann'));
    const other = createSessionId(bucketOfUser('ann'));
    expect(one.slice(0, 2)).toBe(other.slice(0, 2));
    expect(one.slice(2)).not.toBe(other.slice(2));
  });
});

describe('addressOf()', () => {
  it('gives the bucket and a hash that does not show the id', () => {
    const id = createSessionId('ab');
    const address = addressOf(id);
    expect(address).toStrictEqual({
      bucket: 'ab',
      deviceId: expect.stringMatching(/^[\w-]{22}$/),
      generation: 0,
      proof: '',
    });
    expect(isDeviceId(address?.deviceId ?? '')).toBe(true);
    expect(id).not.toContain(address?.deviceId.slice(0, 8));
  });

  it.each([
    '',
    'a',
    'x'.repeat(33),
    'x'.repeat(35),
    `${'x'.repeat(33)}*`,
    `${'x'.repeat(33)}\n`,
    `${'x'.repeat(34)}\n`,
  ])('gives nothing for %j', (id) => {
    expect(addressOf(id)).toBeUndefined();
  });
});
