import { Redis } from 'ioredis';
import { createFencedWriter, createLock, type Lease } from '@sallyport/lock';

/** What the processes have added together, and how often something kept them from writing. */
export interface StopReport {
  readonly ended: number;
  readonly written: number;
  /** Stopped before the look at the lease. */
  readonly lost: number;
  /** Stopped between the look and the write: only the fence was left. */
  readonly refused: number;
}

export interface StopArguments {
  readonly url: string;
  readonly prefix: string;
  readonly leaseMs: number;
  readonly isFenced: boolean;
}

/** Reads a counter and writes one more, until `<prefix>end` is there, with pauses in which the test may stop the process. */
export async function run(args: StopArguments, context: { ready(value: unknown): void }): Promise<void> {
  const { prefix, leaseMs, isFenced } = args;
  const redis = new Redis(args.url);
  const lock = createLock({ redis, prefix, deadlineMs: 20_000 });
  const writer = createFencedWriter({ redis, prefix, deadlineMs: 20_000 });
  const counter = `${prefix}counter`;
  const note = (what: keyof StopReport) => redis.hincrby(`${prefix}report`, what, 1);
  const pause = () => new Promise((resolve) => setTimeout(resolve, 15));

  /** @returns whether the fence let it through */
  async function addOne(lease: Lease): Promise<boolean> {
    const read = isFenced
      ? await writer.run(lease.token, 'hget', counter, 'count')
      : { accepted: true as const, reply: await redis.hget(counter, 'count') };
    if (!read.accepted) return false;
    await pause();
    if (isFenced) lease.assertHeld();
    // Here the world may stop: the look is over, the write has not begun.
    await redis.set(`${prefix}between`, process.pid, 'PX', 50);
    await pause();
    const count = Number(read.reply) + 1;
    const entry = ['count', count, `token ${count}`, lease.token] as const;
    if (isFenced) return (await writer.run(lease.token, 'hset', counter, ...entry)).accepted;
    await redis.hset(counter, ...entry);
    return true;
  }

  context.ready(true);
  while ((await redis.exists(`${prefix}end`)) === 0) {
    try {
      const isWritten = await lock.using('counter', { leaseMs, waitMs: 60_000 }, addOne);
      await note(isWritten ? 'written' : 'refused');
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_LOCK_LOST') throw error;
      await note('lost');
    }
  }
  await redis.hincrby(`${prefix}report`, 'ended', 1);
}
