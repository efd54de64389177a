import { describe, expect, it } from '@jest/globals';
import { connect, uniquePrefix } from '@sallyport/testkit';
import { commitFill } from '../src/scripts/commit-fill.js';
import { deleteEntry } from '../src/scripts/delete-entry.js';
import { releaseLease } from '../src/scripts/release-lease.js';
import { renewLease } from '../src/scripts/renew-lease.js';
import { startFill } from '../src/scripts/start-fill.js';

function scene() {
  const prefix = uniquePrefix('scripts');
  const key = (name: string) => `${prefix}{x}:${name}`;
  return { redis: connect(), key };
}
const frame = Buffer.from('frame');

describe('startFill()', () => {
  it('creates missing versions, shares those that stand and gives the time of Redis', async () => {
    const { redis, key } = scene();
    await redis.set(key('b'), 'standing', 'PX', 60_000);
    const first = await startFill(redis, [key('a'), key('b')], { holdMs: 1_000, replacesFirst: false });
    const second = await startFill(redis, [key('a'), key('b')], { holdMs: 1_000, replacesFirst: false });
    expect(first.versions[1]).toBe('standing');
    expect(second.versions).toStrictEqual(first.versions);
    expect(Math.abs(first.timeMs - Date.now())).toBeLessThan(60_000);
  });

  it('replaces the first version, and only that, for a writer that takes over', async () => {
    const { redis, key } = scene();
    const keys = [key('a'), key('b')];
    const before = await startFill(redis, keys, { holdMs: 1_000, replacesFirst: false });
    const after = await startFill(redis, keys, { holdMs: 1_000, replacesFirst: true });
    expect(after.versions[0]).not.toBe(before.versions[0]);
    expect(after.versions[1]).toBe(before.versions[1]);
  });

  it('raises a TTL that is too short and lowers none', async () => {
    const { redis, key } = scene();
    await redis.set(key('short'), 'v', 'PX', 500);
    await redis.set(key('long'), 'v', 'PX', 90_000);
    await startFill(redis, [key('short'), key('long')], { holdMs: 10_000, replacesFirst: false });
    expect(await redis.pttl(key('short'))).toBeGreaterThan(5_000);
    expect(await redis.pttl(key('long'))).toBeGreaterThan(80_000);
  });
});

describe('startFill() with a lease', () => {
  const claim = (key: string, owner: string) => ({
    holdMs: 1_000,
    replacesFirst: false,
    lease: { key, owner, leaseMs: 5_000 },
  });

  it('grants it to one, also when that one asks twice because a reply was lost', async () => {
    const { redis, key } = scene();
    const lease = key('lease');
    const ask = (owner: string) => startFill(redis, [key('a')], claim(lease, owner));
    expect(await ask('one')).not.toHaveProperty('leasedMs');
    expect(await ask('one')).not.toHaveProperty('leasedMs');
    expect((await ask('two')).leasedMs).toBeGreaterThan(1_000);
    expect(await redis.get(lease)).toMatch(/^one .*!$/);
  });

  it('keeps the mark of those who wait when it changes hands after a purge', async () => {
    const { redis, key } = scene();
    const lease = key('lease');
    const ask = (owner: string) => startFill(redis, [key('a')], claim(lease, owner));
    await ask('one');
    await ask('two');
    await redis.unlink(key('a'));
    expect(await ask('three')).not.toHaveProperty('leasedMs');
    expect(await redis.get(lease)).toMatch(/^three .*!$/);
    expect(await renewLease(redis, { key: lease, owner: 'one', leaseMs: 5_000 })).toBe(false);
    expect(await renewLease(redis, { key: lease, owner: 'three', leaseMs: 60_000 })).toBe(true);
    expect(await redis.pttl(lease)).toBeGreaterThan(5_000);
  });
});

describe('releaseLease()', () => {
  it('gives up the own lease and no other', async () => {
    const { redis, key } = scene();
    await redis.set(key('lease'), 'one digest ', 'PX', 5_000);
    const release = { key: key('lease'), channel: 'c', message: 'm' };
    await releaseLease(redis, { ...release, owner: 'two' });
    expect(await redis.exists(key('lease'))).toBe(1);
    await releaseLease(redis, { ...release, owner: 'one' });
    expect(await redis.exists(key('lease'))).toBe(0);
  });
});

describe('commitFill()', () => {
  const put = (key: string, ttlMs = 1_000) => ({ key, frame, ttlMs });

  it('writes and removes when all versions stand, and extends those to be kept', async () => {
    const { redis, key } = scene();
    await redis.mset(key('fence'), 'f', key('tag'), 't', key('gone'), 'x');
    await redis.pexpire(key('fence'), 2_000);
    await redis.pexpire(key('tag'), 2_000);
    const held = [
      { key: key('fence'), version: 'f', isKept: false },
      { key: key('tag'), version: 't', isKept: true },
    ];
    expect(await commitFill(redis, held, [put(key('value'), 30_000), put(key('gone'), 0)], 30_000)).toBe(true);
    expect(await redis.get(key('value'))).toBe('frame');
    expect(await redis.exists(key('gone'))).toBe(0);
    expect(await redis.pttl(key('fence'))).toBeLessThanOrEqual(2_000);
    expect(await redis.pttl(key('tag'))).toBeGreaterThan(30_000);
  });

  it.each(['missing', 'another'])('writes nothing when a version is %s', async (how) => {
    const { redis, key } = scene();
    await redis.set(key('fence'), 'f', 'PX', 5_000);
    if (how === 'another') await redis.set(key('tag'), 'newer', 'PX', 5_000);
    const held = [
      { key: key('fence'), version: 'f', isKept: true },
      { key: key('tag'), version: 't', isKept: true },
    ];
    expect(await commitFill(redis, held, [put(key('value'))], 60_000)).toBe(false);
    expect(await redis.exists(key('value'))).toBe(0);
    expect(await redis.pttl(key('fence'))).toBeLessThanOrEqual(5_000);
  });
});

describe('deleteEntry()', () => {
  it('removes all and tells whether the first part was there', async () => {
    const { redis, key } = scene();
    await redis.mset(key('fence'), 'f', key('b'), '2');
    const lease = { key: key('lease'), channel: 'c', message: 'm' };
    expect(await deleteEntry(redis, key('fence'), [key('a'), key('b')], lease)).toBe(false);
    expect(await redis.exists(key('fence'), key('b'))).toBe(0);
    await redis.mset(key('a'), '1', key('lease'), 'someone');
    expect(await deleteEntry(redis, key('fence'), [key('a'), key('b')], lease)).toBe(true);
    expect(await redis.exists(key('lease'))).toBe(0);
  });
});
