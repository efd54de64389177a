// Measures what a lock costs, for people and for apps/bench; no test runs it. Give it a Redis that has nothing else to do:
//
//   node --conditions=@sallyport/source --import tsx packages/lock/test/measure.ts redis://127.0.0.1:6379
//
// Prints one line of JSON per figure; times in milliseconds.

import { pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import { createLock, type Lock } from '@sallyport/lock';

/** One figure. */
export interface Figure {
  readonly name: string;
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Commands sent to Redis per cycle of acquire and release. */
  readonly commandsPerCycle: number;
}

const leaseMs = 10_000;
const waitMs = 60_000;

/** A lock on a client of its own, and how many commands that client has sent. */
function countedLock(url: string, prefix: string): { lock: Lock; redis: Redis; sent: () => number } {
  const redis = new Redis(url);
  let sent = 0;
  const call = redis.call.bind(redis) as (...args: unknown[]) => Promise<unknown>;
  redis.call = (...args: unknown[]) => {
    sent += 1;
    return call(...args);
  };
  return { lock: createLock({ redis, prefix, deadlineMs: 10_000 }), redis, sent: () => sent };
}

function figure(name: string, times: readonly number[], commands: number): Figure {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => Number((sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(3));
  const commandsPerCycle = Number((commands / times.length).toFixed(3));
  return { name, count: times.length, p50: at(0.5), p99: at(0.99), max: at(1), commandsPerCycle };
}

/** Takes and gives back a free lock, one after the other. */
export async function measureFree(url: string, cycles = 5_000): Promise<Figure> {
  const { lock, redis, sent } = countedLock(url, 'measure-free:');
  for (let index = 0; index < 500; index += 1) await lock.using('a', { leaseMs }, () => undefined);
  const [times, before] = [[] as number[], sent()];
  for (let index = 0; index < cycles; index += 1) {
    const startedAt = performance.now();
    await lock.using('a', { leaseMs }, () => undefined);
    times.push(performance.now() - startedAt);
  }
  const result = figure('free lock, acquire and release', times, sent() - before);
  await lock.clear();
  redis.disconnect();
  return result;
}

/** From the release to the next holder's having the lock, with `waiters` callers spread over `clients`. */
export async function measureHandOff(url: string, clients: number, waiters: number, turns = 5_000): Promise<Figure> {
  const sides = Array.from({ length: clients }, () => countedLock(url, 'measure-line:'));
  const times: number[] = [];
  let releasedAt = Number.NaN;
  let left = turns;
  const takeTurns = async (lock: Lock) => {
    while (left > 0) {
      left -= 1;
      const lease = await lock.acquire('a', { leaseMs, waitMs });
      if (releasedAt > 0) times.push(performance.now() - releasedAt);
      // As long as it takes the others to be in the line again.
      await new Promise((resolve) => setTimeout(resolve, 1));
      releasedAt = performance.now();
      await lease.release();
    }
  };
  await Promise.all(Array.from({ length: waiters }, (_, index) => takeTurns(sides[index % clients]?.lock as Lock)));
  const commands = sides.reduce((sum, { sent }) => sum + sent(), 0);
  await sides[0]?.lock.clear();
  for (const { redis } of sides) redis.disconnect();
  return figure(`hand-off, ${waiters} waiters on ${clients} clients`, times, commands);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const url = process.argv[2] ?? 'redis://127.0.0.1:6379';
  const print = (result: Figure) => process.stdout.write(`${JSON.stringify(result)}\n`);
  print(await measureFree(url));
  print(await measureHandOff(url, 2, 2));
  print(await measureHandOff(url, 4, 64));
}
