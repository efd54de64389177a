import { describe, expect, it } from '@jest/globals';
import { connect, countCommands, expectTtlOnAllKeys, uniquePrefix, until } from '@sallyport/testkit';
import {
  createRateLimiter,
  type AlgorithmName,
  type PolicyOptions,
  type RateLimitEvent,
  type RateLimiterOptions,
} from '../src/index.js';

const redis = connect();
const algorithmNames: AlgorithmName[] = ['ring', 'token-bucket', 'fixed-window', 'sliding-window', 'sliding-log'];
const DAY = 86_400_000;

function create(options: Partial<RateLimiterOptions> = {}) {
  const events: RateLimitEvent[] = [];
  const prefix = uniquePrefix('rate-limiter');
  const policies = options.limit === undefined ? [{ name: 'p', limit: 5, windowMs: DAY }] : undefined;
  const onEvent = (event: RateLimitEvent) => void events.push(event);
  const limiter = createRateLimiter({ redis, prefix, deadlineMs: 5_000, policies, onEvent, ...options });
  const remaining = async (key = 'ann') => (await limiter.get(key))?.policies.map((policy) => policy.remaining);
  return { limiter, events, prefix, remaining };
}

describe('createRateLimiter()', () => {
  it('denies by a value, never by an exception', async () => {
    const { limiter } = create({ limit: 1, windowMs: DAY, algorithm: 'fixed-window' });
    expect(await limiter.consume('ann')).toMatchObject({ outcome: 'allowed', isAllowed: true, retryAfterMs: 0 });
    const denied = await limiter.consume('ann');
    expect(denied).toMatchObject({ outcome: 'denied', isAllowed: false, reason: 'limit' });
    expect(denied.retryAfterMs).toBeGreaterThan(DAY - 60_000);
  });

  it('charges all policies or none', async () => {
    const policies: PolicyOptions[] = algorithmNames.map((algorithm, index) => ({
      name: algorithm,
      limit: 9 - index,
      windowMs: DAY,
      algorithm,
    }));
    const { limiter, remaining } = create({ policies });
    for (let request = 0; request < 5; request += 1) expect((await limiter.consume('ann')).isAllowed).toBe(true);
    expect(await remaining()).toEqual([4, 3, 2, 1, 0]);
    const { policies: verdicts } = await limiter.consume('ann');
    expect(verdicts.map(({ isAllowed }) => isAllowed)).toEqual([true, true, true, true, false]);
    expect(await remaining()).toEqual([4, 3, 2, 1, 0]);
  });

  it.each(algorithmNames)(
    'charges nothing for a cost that does not fit, and admits a smaller one: %s',
    async (algorithm) => {
      const { limiter, remaining } = create({ limit: 10, windowMs: DAY, algorithm });
      await limiter.consume('ann', { cost: 9 });
      expect(await limiter.consume('ann', { cost: 10 })).toMatchObject({ isAllowed: false });
      expect(await limiter.consume('ann', { cost: 1 })).toMatchObject({ isAllowed: true });
      expect(await limiter.consume('bob', { cost: 11 })).toMatchObject({ isAllowed: false });
      expect(await limiter.consume('bob', { cost: 10 })).toMatchObject({ isAllowed: true });
      expect(await remaining()).toEqual([0]);
    },
  );

  it('keeps the count when a limit changes from one decision to the next', async () => {
    const { limiter } = create();
    const plan = (limit: number) => ({ policies: [{ name: 'plan', limit, windowMs: DAY }], cost: 3 });
    expect(await limiter.consume('ann', plan(5))).toMatchObject({ policies: [{ remaining: 2 }] });
    expect(await limiter.consume('ann', plan(5))).toMatchObject({ isAllowed: false });
    expect(await limiter.consume('ann', plan(100))).toMatchObject({ policies: [{ limit: 100, remaining: 94 }] });
    expect(await limiter.consume('ann', plan(5))).toMatchObject({ isAllowed: false, policies: [{ remaining: 0 }] });
  });

  it('takes one command per decision whatever the number of policies, and none for a key that was denied', async () => {
    const policies = Array.from({ length: 8 }, (_, index) => ({ name: `p${index}`, limit: 20, windowMs: DAY }));
    const { limiter, events } = create({ policies });
    await limiter.consume('ann');
    const used = await countCommands(redis, async () => {
      for (let request = 0; request < 19; request += 1) await limiter.consume('ann');
    });
    expect(used.commands).toEqual({ evalsha: 19 });
    await limiter.consume('ann');
    const denied = await countCommands(redis, async () => {
      for (let request = 0; request < 50; request += 1) expect((await limiter.consume('ann')).isAllowed).toBe(false);
    });
    expect(denied.total).toBe(0);
    expect(events.at(-1)).toMatchObject({ type: 'denied', source: 'denied-cache' });
    expect(await limiter.delete('ann')).toBe(true);
    expect((await limiter.consume('ann')).isAllowed).toBe(true);
  });

  it.each([-1, 0.5, Number.NaN, Infinity, 1_000_000_001, '1'])(
    'rejects the cost %p with an OptionError that names it',
    async (cost) => {
      const { limiter } = create();
      await expect(limiter.consume('ann', { cost: cost as number })).rejects.toMatchObject({
        code: 'ERR_RATE_LIMIT_OPTION',
        option: 'cost',
      });
    },
  );

  it('rejects policies that are wrong, and keys that are none', async () => {
    const { limiter } = create();
    const policies = [{ name: 'p', limit: 0, windowMs: 1 }];
    await expect(limiter.consume('ann', { policies })).rejects.toMatchObject({ option: 'policies[0].limit' });
    await expect(limiter.consume('')).rejects.toMatchObject({ code: 'ERR_RATE_LIMIT_KEY' });
  });
});

describe('reserve()', () => {
  it.each(algorithmNames)('charges the estimate, and then what it cost: %s', async (algorithm) => {
    const { limiter, remaining, events, prefix } = create({ limit: 100, windowMs: DAY, algorithm });
    const less = await limiter.reserve('ann', 30);
    expect(await remaining()).toEqual([70]);
    expect(await less.settle(10)).toBe(true);
    expect(await remaining()).toEqual([90]);
    const more = await limiter.reserve('ann', 30);
    expect(await more.settle(50)).toBe(true);
    expect(await remaining()).toEqual([40]);
    const none = await limiter.reserve('ann', 40);
    expect((await limiter.consume('ann')).isAllowed).toBe(false);
    expect(await none.settle(0)).toBe(true);
    // The refund has removed what this process remembered of the denial.
    expect((await limiter.consume('ann')).isAllowed).toBe(true);
    expect(events.filter(({ type }) => type === 'settled')).toHaveLength(3);
    await expectTtlOnAllKeys(redis, prefix);
  });

  it('settles once', async () => {
    const { limiter, remaining } = create();
    const reservation = await limiter.reserve('ann', 3);
    expect(await reservation.settle(1)).toBe(true);
    expect(await reservation.settle(0)).toBe(false);
    expect(await remaining()).toEqual([4]);
  });

  it('gives back what is never settled when its lease ends, as after a crash', async () => {
    const { limiter, remaining } = create({ leaseMs: 60 });
    const forgotten = await limiter.reserve('ann', 5);
    expect(forgotten.decision.isAllowed).toBe(true);
    await until(async () => (await remaining())?.[0] !== 0);
    expect((await limiter.consume('ann', { cost: 5 })).isAllowed).toBe(true);
    expect(await forgotten.settle(5)).toBe(false);
  });

  it('conserves the quota over random reservations, settlements and crashes', async () => {
    const { limiter, remaining } = create({ limit: 10_000, windowMs: DAY });
    let charged = 0;
    let random = 7;
    const next = (below: number) => (random = (random * 1_103_515_245 + 12_345) % 2 ** 31) % below;
    const open: { settle(actual: number): Promise<boolean>; estimate: number }[] = [];
    for (let step = 0; step < 400; step += 1) {
      const settled = next(2) === 0 ? open.splice(next(open.length || 1), 1)[0] : undefined;
      if (settled === undefined) {
        const estimate = next(20);
        const reservation = await limiter.reserve('ann', estimate);
        if (!reservation.decision.isAllowed) continue;
        charged += estimate;
        open.push({ settle: (actual) => reservation.settle(actual), estimate });
      } else {
        const actual = next(30);
        await settled.settle(actual);
        charged += actual - settled.estimate;
      }
      expect((await remaining())?.[0] ?? 10_000).toBe(10_000 - charged);
    }
  });

  it('bounds requests in flight together with their rate', async () => {
    const policies: PolicyOptions[] = [
      { name: 'rate', limit: 5, windowMs: DAY },
      { name: 'flight', limit: 2, windowMs: 60_000, algorithm: 'concurrency' },
    ];
    const { limiter, remaining } = create({ policies });
    const [one, two, three] = [
      await limiter.reserve('ann', 1),
      await limiter.reserve('ann', 1),
      await limiter.reserve('ann', 1),
    ];
    expect(one.decision.policies[1]).toMatchObject({ unit: 'concurrent-requests', remaining: 1 });
    expect(two.decision.isAllowed).toBe(true);
    expect(three.decision).toMatchObject({
      isAllowed: false,
      policies: [{ isAllowed: true, remaining: 3 }, { isAllowed: false }],
    });
    await one.settle(1);
    expect(await remaining()).toEqual([3, 1]);
    expect((await limiter.reserve('ann', 1)).decision.isAllowed).toBe(true);
  });
});

describe('penalty, ban() and unban()', () => {
  const penalty = { strikes: 3, windowMs: 60_000, banMs: 200, maxBanMs: 300 };

  it('bans after repeated violations, longer each time, up to the cap', async () => {
    const { limiter } = create({ limit: 1, windowMs: DAY, penalty });
    await limiter.consume('ann');
    const lengths: number[] = [];
    for (let ban = 0; ban < 3; ban += 1) {
      for (let strike = 0; strike < 2; strike += 1)
        expect(await limiter.consume('ann')).toMatchObject({ reason: 'limit' });
      const banned = await limiter.consume('ann');
      expect(banned).toMatchObject({ reason: 'banned', isAllowed: false });
      expect((await limiter.get('ann'))?.reason).toBe('banned');
      lengths.push(banned.retryAfterMs);
      // The limit is a day's: what the ban says is not what a client waits for, so the longer of the two is told.
      await until(async () => (await limiter.get('ann'))?.reason === 'limit');
    }
    expect(lengths.every((ms) => ms > penalty.maxBanMs)).toBe(true);
  });

  it('doubles a ban and caps it', async () => {
    const { limiter } = create({
      limit: 1,
      windowMs: 50,
      penalty: { ...penalty, strikes: 1 },
      algorithm: 'fixed-window',
    });
    const waits: number[] = [];
    for (let ban = 0; ban < 3; ban += 1) {
      await until(async () => (await limiter.consume('ann', { cost: 0 })).isAllowed);
      await limiter.consume('ann', { cost: 1 });
      const banned = await limiter.consume('ann', { cost: 2 });
      if (banned.reason === 'banned') waits.push(banned.retryAfterMs);
    }
    expect(waits).toEqual([200, 300, 300]);
  });

  it('bans by order, apart from the count, and lifts the ban', async () => {
    const { limiter, remaining, prefix } = create();
    await limiter.consume('ann');
    await limiter.ban('ann', 60_000);
    expect(await limiter.consume('ann')).toMatchObject({ reason: 'banned', retryAfterMs: expect.any(Number) });
    expect(await limiter.unban('ann')).toBe(true);
    expect(await limiter.unban('ann')).toBe(false);
    expect(await limiter.consume('ann')).toMatchObject({ isAllowed: true });
    expect(await remaining()).toEqual([3]);
    await limiter.ban('bob', 60_000);
    expect(await limiter.consume('bob')).toMatchObject({ reason: 'banned' });
    await expectTtlOnAllKeys(redis, prefix);
  });
});

describe('top()', () => {
  it('names the keys that ask most, without a command', async () => {
    const { limiter } = create({ limit: 1_000, windowMs: DAY });
    for (let request = 0; request < 30; request += 1)
      await limiter.consume(`k${request % 3 === 0 ? 'heavy' : request}`);
    const { total, result } = await countCommands(redis, () => limiter.top(1));
    expect(total).toBe(0);
    expect(result).toEqual([{ key: 'kheavy', cost: 10 }]);
  });
});
