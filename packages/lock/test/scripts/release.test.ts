import { describe, expect, it } from '@jest/globals';
import { connect, uniquePrefix } from '@sallyport/testkit';
import { acquireArguments, acquireScript } from '../../src/scripts/acquire.js';
import { extendScript } from '../../src/scripts/extend.js';
import { releaseScript } from '../../src/scripts/release.js';
import { me, other, resourceKeys, you } from './owners.js';

const redis = connect();
const channelPrefix = 'calls:';

function acquire(keys: string[], owner: string, isWaiting = false) {
  return acquireScript.run(redis, keys, acquireArguments({ owner, leaseMs: 5_000, isWaiting, channelPrefix }));
}

const release = (keys: string[], owner: string) => releaseScript.run(redis, keys, [owner, channelPrefix]);

async function heldBy(owner: string) {
  const keys = resourceKeys(uniquePrefix('release'));
  await acquire(keys, owner);
  return keys;
}

describe('releaseScript', () => {
  it('frees the lock and remembers who did', async () => {
    const keys = await heldBy(me);
    expect(await release(keys, me)).toStrictEqual({ released: true });
    expect(await redis.exists(keys[0])).toBe(0);
    expect(await release(keys, me)).toStrictEqual({ released: true });
    expect(await redis.pttl(keys[1])).toBeGreaterThan(0);
  });

  it('remembers it while others hold and release the lock', async () => {
    const keys = await heldBy(me);
    await release(keys, me);
    for (let index = 0; index < 12; index += 1) {
      await acquire(keys, `1:p2:${index}-`.padEnd(40, '.'));
      await release(keys, `1:p2:${index}-`.padEnd(40, '.'));
    }
    await acquire(keys, you);
    expect(await release(keys, me)).toStrictEqual({ released: true });
    expect(await redis.zrange(keys[0], '0', '-1')).toStrictEqual([you]);
    expect(await redis.hstrlen(keys[1], 'releasedBy')).toBeLessThanOrEqual(1_024);
  });

  it('tells expired from taken', async () => {
    const keys = await heldBy(you);
    expect(await release(keys, me)).toStrictEqual({ released: false, reason: 'taken' });
    await redis.del(keys[0]);
    expect(await release(keys, me)).toStrictEqual({ released: false, reason: 'expired' });
  });

  it('hands the lock to the first who waits, and calls its process', async () => {
    const keys = await heldBy(me);
    await acquire(keys, you, true);
    await acquire(keys, other, true);
    const ear = redis.duplicate();
    const heard: string[] = [];
    ear.on('message', (channel, owner) => heard.push(`${channel} ${owner}`));
    await ear.subscribe('calls:p2', 'calls:p3');
    expect(await release(keys, me)).toStrictEqual({ released: true });
    expect(await redis.zrange(keys[0], '0', '-1')).toStrictEqual([you]);
    await ear.ping();
    expect(heard).toStrictEqual([`calls:p2 ${you}`]);
    ear.disconnect();
  });

  it('takes who goes away out of the line, called or not', async () => {
    const keys = await heldBy(me);
    await acquire(keys, you, true);
    await acquire(keys, other, true);
    await release(keys, me);
    await release(keys, you);
    expect(await redis.zrange(keys[0], '0', '-1')).toStrictEqual([other]);
    await release(keys, other);
    expect(await redis.exists(keys[0], keys[2])).toBe(0);
  });
});

describe('extendScript', () => {
  it('lengthens, never shortens, and gives what remains', async () => {
    const [lock] = await heldBy(me);
    expect((await extendScript.run(redis, [lock], [me, 60_000]))[0]).toBeGreaterThan(58_000);
    expect((await extendScript.run(redis, [lock], [me, 1_000]))[0]).toBeGreaterThan(50_000);
    expect(await redis.pttl(lock)).toBeGreaterThan(50_000);
  });

  it('touches neither the lock of another owner nor a missing one', async () => {
    const [lock] = await heldBy(you);
    expect(await extendScript.run(redis, [lock], [me, 60_000])).toStrictEqual([undefined]);
    expect(await redis.pttl(lock)).toBeLessThanOrEqual(5_000);
    await redis.del(lock);
    expect(await extendScript.run(redis, [lock], [me, 60_000])).toStrictEqual([undefined]);
    expect(await redis.exists(lock)).toBe(0);
  });

  it('renews many at once, also when one key is something else by now', async () => {
    const [[first], [broken], [last]] = [await heldBy(me), await heldBy(me), await heldBy(me)];
    await redis.set(broken, 'not a lock', 'EX', 60);
    const remaining = await extendScript.run(redis, [first, broken, last], [me, 60_000, me, 60_000, me, 60_000]);
    expect(remaining[1]).toBeUndefined();
    for (const index of [0, 2]) expect(remaining[index]).toBeGreaterThan(58_000);
  });
});
