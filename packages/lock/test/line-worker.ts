import { Redis } from 'ioredis';
import { createLock } from '@sallyport/lock';

/** One turn with the lock; times are of the machine's monotonic clock, in milliseconds, and so comparable over processes. */
export interface Turn {
  readonly token: number;
  /** When the first command was sent, and when its answer had come: then the place in the line was known. */
  readonly askedAt: number;
  readonly placedBy: number;
  readonly grantedAt: number;
  readonly releasedAt: number;
}

/** What one process saw: the turns of each of its waiters, and what it sent. */
export interface LineReport {
  readonly waiters: readonly (readonly Turn[])[];
  readonly scripts: number;
}

const now = () => Number(process.hrtime.bigint()) / 1e6;

/** Lets `waiters` callers take the lock again and again for `forMs`. */
export async function run(
  args: { url: string; prefix: string; waiters: number; forMs: number; holdMs: number },
  context: { barrier(): Promise<void> },
): Promise<LineReport> {
  const redis = new Redis(args.url);
  await redis.ping();
  const lock = createLock({ redis, prefix: args.prefix, deadlineMs: 10_000 });
  await lock.using(`warm-up ${process.pid}`, { leaseMs: 5_000 }, () => undefined);
  /** By token: when its owner was first sent, and first answered. */
  const places = new Map<string, { askedAt: number; placedBy: number }>();
  const placeOfToken = new Map<number, { askedAt: number; placedBy: number }>();
  let scripts = 0;
  const call = redis.call.bind(redis) as (...all: unknown[]) => Promise<unknown>;
  redis.call = async (...all: unknown[]) => {
    const [askedAt, owner] = [now(), String(all[7])];
    const isAcquire = all.length === 11;
    scripts += 1;
    const reply = await call(...all);
    if (isAcquire) {
      const place = places.get(owner) ?? { askedAt, placedBy: now() };
      places.set(owner, place);
      const [isGranted, token] = reply as [number, string];
      if (isGranted === 1) placeOfToken.set(Number(token), place);
    }
    return reply;
  };

  await context.barrier();
  const endsAt = now() + args.forMs;
  async function takeTurns(): Promise<Turn[]> {
    const turns: Turn[] = [];
    while (now() < endsAt) {
      const lease = await lock.acquire('a', { leaseMs: 10_000, waitMs: 60_000 });
      const grantedAt = now();
      if (args.holdMs > 0) await new Promise((resolve) => setTimeout(resolve, args.holdMs));
      const releasedAt = now();
      await lease.release();
      const place = placeOfToken.get(lease.token) ?? { askedAt: Number.NaN, placedBy: Number.NaN };
      turns.push({ token: lease.token, ...place, grantedAt, releasedAt });
    }
    return turns;
  }
  const waiters = await Promise.all(Array.from({ length: args.waiters }, takeTurns));
  redis.disconnect();
  return { waiters, scripts };
}
