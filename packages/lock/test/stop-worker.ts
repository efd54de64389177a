import { Redis } from 'ioredis';
import { createFencedWriter, createLock } from '@sallyport/lock';

/** What one process has added, and how often something kept it from writing. */
export interface StopReport {
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
  readonly forMs: number;
  readonly isFenced: boolean;
}

/** Reads a counter and writes one more, for `forMs`, with pauses in which the test may stop the process. */
export async function run(args: StopArguments, context: { ready(value: unknown): void }): Promise<void> {
  const { prefix, leaseMs, isFenced } = args;
  const redis = new Redis(args.url);
  const lock = createLock({ redis, prefix, deadlineMs: 20_000 });
  const writer = createFencedWriter({ redis, prefix, deadlineMs: 20_000 });
  const counter = `${prefix}counter`;
  const report = { written: 0, lost: 0, refused: 0 };
  const pause = () => new Promise((resolve) => setTimeout(resolve, 15));
  context.ready(true);
  const endsAt = performance.now() + args.forMs;
  while (performance.now() < endsAt) {
    await lock
      .using('counter', { leaseMs, waitMs: 60_000 }, async (lease) => {
        const read = isFenced
          ? await writer.run(lease.token, 'hget', counter, 'count')
          : { accepted: true as const, reply: await redis.hget(counter, 'count') };
        if (!read.accepted) return void (report.refused += 1);
        await pause();
        if (isFenced) lease.assertHeld();
        // Here the world may stop: the look is over, the write has not begun.
        await redis.set(`${prefix}between`, process.pid, 'PX', 50);
        await pause();
        const count = Number(read.reply) + 1;
        const entry = ['count', count, `token ${count}`, lease.token] as const;
        if (!isFenced) await redis.hset(counter, ...entry);
        else if (!(await writer.run(lease.token, 'hset', counter, ...entry)).accepted)
          return void (report.refused += 1);
        report.written += 1;
      })
      .catch((error: { code?: string }) => {
        if (error.code !== 'ERR_LOCK_LOST') throw error;
        report.lost += 1;
      });
  }
  await redis.rpush(`${prefix}reports`, JSON.stringify(report));
}
