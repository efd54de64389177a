import { describe, expect, it } from '@jest/globals';
import { decide, type Frame } from '../src/decide.js';
import { PermitBlocks } from '../src/permit-blocks.js';
import { resolvePolicies, type PolicyOptions, type PolicySet } from '../src/policies.js';
import { randomBy } from '@sallyport/testkit';

// Blocks of several processes against the twin of the script, under one clock that the tests move. That Redis decides as
// the twin does is proved by scripts/decide.test.ts.

/** Decisions of the property test: `npm run test:full` makes a million. */
const DECISIONS = process.env['SALLYPORT_TEST'] === 'full' ? 1_000_000 : 60_000;
const START = 1_790_000_000_000;

/** One client's count, and processes that take its permits. Times in ms; an answer from Redis takes up to `latencyMs`. */
class Fleet {
  now = START;
  commands = 0;
  /** When each admitted request was admitted, in µs. */
  readonly admissions: number[] = [];
  readonly fromBlocks: number[] = [];
  readonly #set: PolicySet;
  readonly #processes: PermitBlocks[];
  readonly #latency: () => number;
  #frame: Frame | undefined;

  constructor(policies: PolicyOptions[], blocks: { size: number; holdMs: number }, processes = 1, latency = () => 0) {
    this.#set = resolvePolicies(policies, 'n');
    this.#latency = latency;
    this.#processes = Array.from({ length: processes }, () => new PermitBlocks(blocks, this.#set, () => this.now));
  }

  /** One decision by the process `index`, as the limiter makes it; resolves to whether it was admitted. */
  async ask(index = 0): Promise<boolean> {
    const blocks = this.#processes[index];
    if (blocks?.take('k') !== undefined) {
      this.fromBlocks.push(this.now);
      return this.#admit(this.now);
    }
    let chargedAt = 0;
    const order = async (cost: number) => {
      const [reply, at] = this.#charge(cost);
      chargedAt = at;
      return reply;
    };
    if ((await blocks?.claim('k', 'k', order)) !== undefined) return this.#admit(chargedAt);
    const [reply, at] = this.#charge(1);
    return reply[0] === 1 && this.#admit(at);
  }

  #charge(cost: number): [readonly number[], number] {
    this.commands += 1;
    this.now += this.#latency();
    const at = this.now;
    const { reply, frame } = decide(this.#frame, this.#set, { mode: 'consume', cost }, Math.floor(at * 1000));
    this.#frame = frame;
    this.now += this.#latency();
    return [reply, at];
  }

  #admit(at: number): true {
    this.admissions.push(Math.floor(at * 1000));
    return true;
  }

  /** The most that any rolling window of `windowMs` has admitted. */
  busiest(windowMs: number): number {
    const sorted = this.admissions.toSorted((a, b) => a - b);
    let most = 0;
    let first = 0;
    for (const [last, at] of sorted.entries()) {
      while ((sorted[first] ?? at) <= at - windowMs * 1000) first += 1;
      most = Math.max(most, last - first + 1);
    }
    return most;
  }
}

const DAY = 86_400_000;
const ring = (limit: number, windowMs: number): PolicyOptions => ({ name: 'p', limit, windowMs });

async function heat(fleet: Fleet, size: number): Promise<void> {
  for (let asked = 0; asked < 4 * size - 1; asked += 1) await fleet.ask();
  fleet.commands = 0;
}

describe('PermitBlocks', () => {
  it('takes one command for each block of a hot key, and one for each decision of another', async () => {
    const fleet = new Fleet([ring(1_000_000, DAY)], { size: 50, holdMs: 1_000 });
    await heat(fleet, 50);
    for (let asked = 0; asked < 500; asked += 1) await fleet.ask();
    expect(fleet.commands).toBe(10);
    fleet.now += 5_000;
    fleet.commands = 0;
    for (let asked = 0; asked < 20; asked += 1) {
      await fleet.ask();
      fleet.now += 10;
    }
    expect(fleet.commands).toBe(20);
  });

  it('lets those who ask at once share a purchase, and buys one block for each `size` of them', async () => {
    const fleet = new Fleet([ring(1_000_000, DAY)], { size: 50, holdMs: 1_000 });
    await heat(fleet, 50);
    const admitted = await Promise.all(Array.from({ length: 120 }, () => fleet.ask()));
    expect(admitted.every(Boolean)).toBe(true);
    expect(fleet.commands).toBe(3);
    for (let asked = 0; asked < 30; asked += 1) await fleet.ask();
    expect(fleet.commands).toBe(3);
  });

  it('falls back to single permits when a block does not fit, and uses the limit up', async () => {
    const fleet = new Fleet([ring(1_030, DAY)], { size: 50, holdMs: 1_000 });
    await heat(fleet, 50);
    let admitted = 199;
    for (let asked = 0; asked < 1_000; asked += 1) admitted += Number(await fleet.ask());
    expect(admitted).toBe(1_030);
    // 16 blocks, one that did not fit, and single decisions after it.
    expect(fleet.commands).toBe(16 + 1 + (1_000 - 16 * 50));
  });

  it('loses what it holds after holdMs: at most one block less one', async () => {
    const fleet = new Fleet([ring(1_000_000, DAY)], { size: 50, holdMs: 1_000 });
    await heat(fleet, 50);
    await fleet.ask();
    fleet.now += 999;
    await fleet.ask();
    expect(fleet.commands).toBe(1);
    fleet.now += 1;
    await fleet.ask();
    expect(fleet.commands).toBe(2);
  });

  it('tells what is left of the limit as this process knows it', async () => {
    let now = START;
    const set = resolvePolicies([ring(100, DAY)], 'n');
    const blocks = new PermitBlocks({ size: 2, holdMs: 60_000 }, set, () => now);
    for (let asked = 0; asked < 8; asked += 1) blocks.take('k');
    const bought = await blocks.claim('k', 'ann', async (size) => [
      ...decide(undefined, set, { mode: 'consume', cost: size }, START * 1000).reply,
    ]);
    expect(bought).toMatchObject({ outcome: 'allowed', key: 'ann', cost: 1, policies: [{ remaining: 99 }] });
    now += 500;
    const held = blocks.take('k');
    expect(held).toMatchObject({ outcome: 'allowed', key: 'ann', cost: 1, policies: [{ remaining: 98 }] });
    expect(bought?.policies[0]?.resetMs).toBe((held?.policies[0]?.resetMs ?? 0) + 500);
    expect(blocks.take('k')).toBeUndefined();
  });

  it('rejects all who wait for a purchase that fails, and buys again afterwards', async () => {
    const set = resolvePolicies([ring(100, DAY)], 'n');
    const blocks = new PermitBlocks({ size: 2, holdMs: 60_000 }, set);
    for (let asked = 0; asked < 8; asked += 1) blocks.take('k');
    const order = () => Promise.reject(new Error('away'));
    const claims = await Promise.allSettled([blocks.claim('k', 'k', order), blocks.claim('k', 'k', order)]);
    expect(claims.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const { reply } = decide(undefined, set, { mode: 'consume', cost: 2 }, START * 1000);
    expect(await blocks.claim('k', 'k', async () => reply)).toMatchObject({ outcome: 'allowed' });
  });

  it('admits by a purchase that comes late only who asked before it was ordered', async () => {
    let now = START;
    const set = resolvePolicies([ring(100, DAY)], 'n');
    const blocks = new PermitBlocks({ size: 2, holdMs: 1_000 }, set, () => now);
    for (let asked = 0; asked < 8; asked += 1) blocks.take('k');
    const order = async (size: number) => {
      const { reply } = decide(undefined, set, { mode: 'consume', cost: size }, now * 1000);
      await Promise.resolve();
      now += 1_000;
      return reply;
    };
    const [first, joined] = await Promise.all([blocks.claim('k', 'k', order), blocks.claim('k', 'k', order)]);
    expect(first).toMatchObject({ outcome: 'allowed' });
    expect(joined).toBeUndefined();
  });

  it('remembers a bounded number of keys', async () => {
    const set = resolvePolicies([ring(100, DAY)], 'n');
    const blocks = new PermitBlocks({ size: 2, holdMs: 60_000 }, set, () => START, 2);
    for (const key of ['a', 'b', 'c']) for (let asked = 0; asked < 8; asked += 1) blocks.take(key);
    const { reply } = decide(undefined, set, { mode: 'consume', cost: 2 }, START * 1000);
    expect(blocks.claim('a', 'a', async () => reply)).toBeUndefined();
    expect(await blocks.claim('c', 'c', async () => reply)).toMatchObject({ outcome: 'allowed' });
    blocks.delete('c');
    expect(blocks.take('c')).toBeUndefined();
  });
});

describe('the ceiling with blocks', () => {
  it.each([
    ['ring', (limit: number) => limit],
    ['fixed-window', (limit: number) => 2 * limit - 1],
  ] as const)(
    'holds in any rolling window for several processes: %s',
    async (algorithm, ceiling) => {
      let decisions = 0;
      let fromBlocks = 0;
      for (let seed = 1; decisions < DECISIONS; seed += 1) {
        const random = randomBy(seed);
        const limit = [40, 100, 300, 1_000][seed % 4] ?? 40;
        const windowMs = [1_000, 6_000, 60_000][seed % 3] ?? 1_000;
        const size = 2 + Math.floor(random() * 6);
        // As long as the ring allows at least, and much longer.
        const holdMs = Math.ceil((windowMs / 120) * (random() < 0.5 ? 1 : 40));
        const latency = () => (windowMs / 120) * 0.05 * random();
        const fleet = new Fleet([{ name: 'p', limit, windowMs, algorithm }], { size, holdMs }, 3, latency);
        for (let burst = 0; burst < 80; burst += 1) {
          // Mostly at the edges: of the window, of a tick, of a part of it.
          const pauses = [
            0,
            0,
            windowMs,
            windowMs / 30,
            windowMs / 120,
            (windowMs / 120) * random(),
            windowMs * random(),
          ];
          fleet.now += pauses[Math.floor(random() * pauses.length)] ?? 0;
          const process = Math.floor(random() * 3);
          const requests = 1 + Math.floor(random() * 16 * size);
          for (let request = 0; request < requests; request += 1) {
            await fleet.ask(process);
            if (random() < 0.1) fleet.now += (windowMs / 120) * random() * (random() < 0.5 ? 0.02 : 0.6);
          }
          decisions += requests;
        }
        fromBlocks += fleet.fromBlocks.length;
        const busiest = fleet.busiest(windowMs);
        const context = { algorithm, limit, windowMs, size, holdMs, seed };
        expect({ ...context, busiest, isWithin: busiest <= ceiling(limit) }).toEqual({
          ...context,
          busiest,
          isWithin: true,
        });
      }
      // The property says something about blocks only if many were used.
      expect(fromBlocks).toBeGreaterThan(DECISIONS / 50);
    },
    300_000,
  );

  it('holds for a block that is used as late as it may be, and whose charge is replaced as early as it can be', async () => {
    let used = 0;
    for (let seed = 1; seed <= 120; seed += 1) {
      const random = randomBy(seed);
      const [limit, windowMs, size] = [120, 12_000, 10];
      const tick = windowMs / 120;
      const fleet = new Fleet([ring(limit, windowMs)], { size, holdMs: 60_000 }, 2);
      fleet.now += windowMs * random();
      for (let asked = 0; asked < 4 * size; asked += 1) await fleet.ask(0);
      fleet.now += tick * random();
      const flood = async () => {
        while (await fleet.ask(1));
      };
      // The last permits are given out a little later than the block was bought; then the limit is used up.
      for (let step = 0; step < 20; step += 1) {
        fleet.now += (tick / 20) * random();
        if (step % 2 === 0) await fleet.ask(0);
      }
      await flood();
      fleet.now += windowMs - 3 * tick;
      for (let step = 0; step < 160; step += 1) {
        fleet.now += tick / 32;
        await flood();
      }
      used += fleet.fromBlocks.length;
      expect({ seed, busiest: fleet.busiest(windowMs) }).toEqual({ seed, busiest: limit });
    }
    expect(used).toBeGreaterThan(500);
  });
});
