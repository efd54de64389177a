import { describe, expect, it } from '@jest/globals';
import { connect, uniquePrefix } from '@sallyport/testkit';
import { acquireArguments, acquireScript } from '../../src/scripts/acquire.js';
import { extendScript } from '../../src/scripts/extend.js';
import { releaseScript } from '../../src/scripts/release.js';

const redis = connect();

async function heldBy(owner: string): Promise<[string, string]> {
  const prefix = uniquePrefix('release');
  const keys: [string, string] = [`${prefix}{a}`, `${prefix}{a}:fence`];
  await acquireScript.run(redis, keys, acquireArguments(owner, 5_000));
  return keys;
}

describe('releaseScript', () => {
  it('frees the lock and remembers who did', async () => {
    const keys = await heldBy('me');
    expect(await releaseScript.run(redis, keys, ['me'])).toStrictEqual({ released: true });
    expect(await redis.exists(keys[0])).toBe(0);
    expect(await releaseScript.run(redis, keys, ['me'])).toStrictEqual({ released: true });
    expect(await redis.pttl(keys[1])).toBeGreaterThan(0);
  });

  it('remembers it while the next owner holds the lock', async () => {
    const keys = await heldBy('me');
    await releaseScript.run(redis, keys, ['me']);
    await acquireScript.run(redis, keys, acquireArguments('you', 5_000));
    expect(await releaseScript.run(redis, keys, ['me'])).toStrictEqual({ released: true });
    expect(await redis.hget(keys[0], 'owner')).toBe('you');
  });

  it('tells expired from taken', async () => {
    const keys = await heldBy('you');
    expect(await releaseScript.run(redis, keys, ['me'])).toStrictEqual({ released: false, reason: 'taken' });
    await redis.del(keys[0]);
    expect(await releaseScript.run(redis, keys, ['me'])).toStrictEqual({ released: false, reason: 'expired' });
  });
});

describe('extendScript', () => {
  it('lengthens, never shortens, and gives what remains', async () => {
    const [lock] = await heldBy('me');
    expect(await extendScript.run(redis, [lock], ['me', 60_000])).toBeGreaterThan(58_000);
    expect(await extendScript.run(redis, [lock], ['me', 1_000])).toBeGreaterThan(50_000);
  });

  it('touches neither the lock of another owner nor a missing one', async () => {
    const [lock] = await heldBy('you');
    expect(await extendScript.run(redis, [lock], ['me', 60_000])).toBeUndefined();
    expect(await redis.pttl(lock)).toBeLessThanOrEqual(5_000);
    await redis.del(lock);
    expect(await extendScript.run(redis, [lock], ['me', 60_000])).toBeUndefined();
    expect(await redis.exists(lock)).toBe(0);
  });
});
