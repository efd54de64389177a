import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  connect,
  dedicatedCluster,
  expectTtlOnAllKeys,
  keysOutside,
  keysUnder,
  uniquePrefix,
  withForeignKeys,
  type DedicatedCluster,
} from '@sallyport/testkit';

const redis = connect();

describe('keysUnder() and keysOutside()', () => {
  it('list the matching keys, sorted, and those without any of the prefixes', async () => {
    const [one, other] = [uniquePrefix('keys'), uniquePrefix('keys')];
    await redis.mset({ [`${one}b`]: '1', [`${one}a`]: '1', [`${other}c`]: '1' });
    expect(await keysUnder(redis, `${one}*`)).toStrictEqual([`${one}a`, `${one}b`]);
    const outside = await keysOutside(redis, [one]);
    expect(outside).toContain(`${other}c`);
    expect(outside).not.toContain(`${one}a`);
  });

  describe('on a Cluster', () => {
    let cluster: DedicatedCluster;
    beforeAll(async () => {
      cluster = await dedicatedCluster();
    });

    it('list the keys of all masters', async () => {
      const client = cluster.client();
      const keys = ['k:1', 'k:2', 'k:3', 'k:4', 'k:5', 'k:6'];
      for (const key of keys) await client.set(key, '1', 'EX', 60);
      expect(await keysUnder(client, 'k:*')).toStrictEqual(keys);
      await expectTtlOnAllKeys(client, 'k:');
    });
  });
});

describe('expectTtlOnAllKeys()', () => {
  it('names the keys that never expire', async () => {
    const prefix = uniquePrefix('ttl');
    await redis.set(`${prefix}mortal`, '1', 'EX', 60);
    await expectTtlOnAllKeys(redis, prefix);
    await redis.set(`${prefix}immortal`, '1');
    await expect(expectTtlOnAllKeys(redis, prefix)).rejects.toThrow(`Keys without TTL: ${prefix}immortal`);
    await expectTtlOnAllKeys(redis, prefix, { except: [/immortal$/] });
    await expectTtlOnAllKeys(redis, prefix, { except: [`${prefix}immortal`] });
  });

  it('rejects when there is no key to check', async () => {
    await expect(expectTtlOnAllKeys(redis, uniquePrefix('none'))).rejects.toThrow('There is no key under');
  });

  it('takes the prefix literally', async () => {
    const prefix = uniquePrefix('literal');
    await redis.set(`${prefix}ab`, '1');
    await expect(expectTtlOnAllKeys(redis, `${prefix}[ab]`)).rejects.toThrow('There is no key under');
  });
});

describe('withForeignKeys()', () => {
  it('passes on the result when the foreign keys are as they were, and removes them', async () => {
    const prefix = uniquePrefix('mine');
    const seen = await withForeignKeys(redis, () => keysUnder(redis, `*${prefix.slice(0, -1)}*`), prefix);
    expect(seen.length).toBeGreaterThanOrEqual(4);
    expect(await keysUnder(redis, `*${prefix.slice(0, -1)}*`)).toStrictEqual([]);
  });

  it.each([
    ['removed', (key: string) => redis.unlink(key)],
    ['given a TTL', (key: string) => redis.pexpire(key, 1000)],
    ['overwritten', (key: string) => redis.set(key, 'mine')],
  ])('rejects when one was %s', async (_how, touch) => {
    const prefix = uniquePrefix('mine');
    const touching = withForeignKeys(
      redis,
      async () => {
        const [key = ''] = await keysUnder(redis, `x${prefix}*`);
        await touch(key);
      },
      prefix,
    );
    await expect(touching).rejects.toThrow(`Foreign keys were touched: x${prefix}`);
  });
});
