import { describe, expect, it } from '@jest/globals';
import { connect, uniquePrefix } from '@sallyport/testkit';
import { decodeFrame, encodeFrame, Kind, trailerOf } from '../src/frame.js';
import { commitFill } from '../src/scripts/commit-fill.js';
import { deleteEntry } from '../src/scripts/delete-entry.js';
import { releaseLease } from '../src/scripts/release-lease.js';
import { renewLease } from '../src/scripts/renew-lease.js';
import { softenEntry } from '../src/scripts/soften-entry.js';
import { softenVersions } from '../src/scripts/soften-versions.js';
import { startFill } from '../src/scripts/start-fill.js';

function scene() {
  const prefix = uniquePrefix('scripts');
  const key = (name: string) => `${prefix}{x}:${name}`;
  return { redis: connect(), key };
}
const frame = Buffer.from('frame');

async function serverTime(redis: ReturnType<typeof connect>): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1_000 + Number(micros) / 1_000;
}

describe('startFill()', () => {
  it('creates missing versions, shares those that stand and gives the time of Redis', async () => {
    const { redis, key } = scene();
    await redis.set(key('b'), 'standing', 'PX', 60_000);
    const first = await startFill(redis, [key('a'), key('b')], { holdMs: 1_000 });
    const second = await startFill(redis, [key('a'), key('b')], { holdMs: 1_000 });
    expect(first.versions[1]).toBe('standing');
    expect(second.versions).toStrictEqual(first.versions);
    expect(Math.abs(first.timeMs - Date.now())).toBeLessThan(60_000);
  });

  it('raises a TTL that is too short and lowers none', async () => {
    const { redis, key } = scene();
    await redis.set(key('short'), 'v', 'PX', 500);
    await redis.set(key('long'), 'v', 'PX', 90_000);
    await startFill(redis, [key('short'), key('long')], { holdMs: 10_000 });
    expect(await redis.pttl(key('short'))).toBeGreaterThan(5_000);
    expect(await redis.pttl(key('long'))).toBeGreaterThan(80_000);
  });
});

describe('startFill() with a lease', () => {
  const claim = (key: string, owner: string) => ({
    holdMs: 1_000,
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
    const puts = [put(key('value'), 30_000), put(key('gone'), 0)];
    const known = ['-', 'g'];
    const standing = [key('late'), key('tag')];
    const reply = await commitFill(redis, { held, known, standing, puts, lifeMs: 30_000 });
    expect(reply).toMatchObject({ outcome: 'written', versions: [await redis.get(key('late')), 't'] });
    expect(await redis.get(key('value'))).toBe(`frame${reply.timeMs} - g ${reply.versions.join(' ')};`);
    expect(await redis.pttl(key('late'))).toBeGreaterThan(30_000);
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
    const commit = { held, known: [], puts: [put(key('value'))], lifeMs: 60_000 };
    expect(await commitFill(redis, commit)).toMatchObject({ outcome: 'overtaken' });
    expect(await redis.exists(key('value'))).toBe(0);
    expect(await redis.pttl(key('fence'))).toBeLessThanOrEqual(5_000);
  });
});

describe('commitFill() once', () => {
  const at = (key: (name: string) => string, untilMs: number) => ({
    held: [],
    known: ['-'],
    puts: [{ key: key('value'), frame, ttlMs: 60_000 }],
    lifeMs: 60_000,
    once: { key: key('done'), untilMs, fence: key('fence') },
  });

  it('writes the first time only, and turns running fills away', async () => {
    const { redis, key } = scene();
    await redis.set(key('fence'), 'f', 'PX', 5_000);
    const { timeMs } = await commitFill(redis, at(key, 0));
    const commit = at(key, timeMs + 5_000);
    expect(await commitFill(redis, commit)).toMatchObject({ outcome: 'written' });
    expect(await redis.exists(key('fence'))).toBe(0);
    await redis.unlink(key('value'));
    expect(await commitFill(redis, commit)).toMatchObject({ outcome: 'written' });
    expect(await redis.exists(key('value'))).toBe(0);
    // The note outlives the time in which it matters.
    expect(await redis.pttl(key('done'))).toBeGreaterThan(commit.once.untilMs - (await serverTime(redis)));
  });

  it('writes nothing when its time is over', async () => {
    const { redis, key } = scene();
    const { timeMs } = await commitFill(redis, at(key, 0));
    expect(await commitFill(redis, at(key, timeMs - 1))).toMatchObject({ outcome: 'late' });
    expect(await redis.exists(key('value'), key('done'))).toBe(0);
  });
});

describe('softenVersions()', () => {
  it('changes the part behind the mark, and creates nothing', async () => {
    const { redis, key } = scene();
    await redis.set(key('tag'), 'hard', 'PX', 60_000);
    for (const random of ['a', 'b']) {
      await softenVersions(redis, [key('tag'), key('none')], random);
      expect(await redis.get(key('tag'))).toMatch(new RegExp(`^hard~\\d{13}-${random}$`));
    }
    expect(await redis.exists(key('none'))).toBe(0);
    expect(await redis.pttl(key('tag'))).toBeGreaterThan(50_000);
    expect(await redis.pttl(key('tag'))).toBeLessThanOrEqual(60_000);
  });
});

describe('softenEntry()', () => {
  it('notes the time of the first soft purge in each frame, and touches nothing else', async () => {
    const { redis, key } = scene();
    const content = { kind: Kind.Json, lingers: true, isCompressed: false, freshMs: 1, costMs: 1, tags: [] };
    const bytes = Buffer.concat([encodeFrame({ ...content, body: Buffer.from('1') }), trailerOf(1, ['-', 'g'])]);
    await redis.set(key('value'), bytes, 'PX', 60_000);
    await redis.hset(key('hash'), 'a', 'b');
    const lease = { key: key('lease'), channel: 'c', message: 'm' };
    const soften = () => softenEntry(redis, key('fence'), [key('value'), key('hash'), key('none')], 'r', lease);
    const read = async () => decodeFrame((await redis.getBuffer(key('value'))) ?? Buffer.alloc(0));
    expect(await soften()).toBe(true);
    const first = await read();
    expect(first?.softAtMs).toBeGreaterThan(1_700_000_000_000);
    expect(first).toStrictEqual({ ...decodeFrame(bytes), softAtMs: first?.softAtMs });
    await soften();
    expect(await read()).toStrictEqual(first);
    expect(await redis.exists(key('none'), key('fence'))).toBe(0);
    expect(await redis.pttl(key('value'))).toBeGreaterThan(50_000);
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
