import { describe, expect, it } from '@jest/globals';
import { connect, redisUrl, runProcesses, startProcess, uniquePrefix } from '@sallyport/testkit';
import { createLock } from '@sallyport/lock';

const redis = connect();

describe('a lock shared by processes', () => {
  it('loses no update of 4 processes, and its tokens rise in the order of the writes', async () => {
    const prefix = uniquePrefix('lock');
    const module = new URL('./race-worker.ts', import.meta.url);
    const rounds = 25;
    const args = { url: redisUrl(), prefix, rounds };
    const done = await runProcesses<number>({ module, count: 4, args, timeoutMs: 60_000 });
    expect(done).toStrictEqual([rounds, rounds, rounds, rounds]);
    expect(Number(await redis.get(`${prefix}value`))).toBe(4 * rounds);
    const tokens = (await redis.lrange(`${prefix}tokens`, 0, -1)).map(Number);
    expect(tokens).toStrictEqual([...new Set(tokens)].toSorted((a, b) => a - b));
    await redis.del(`${prefix}tokens`);
  }, 70_000);

  it('is free within one lease after its holder was killed', async () => {
    const prefix = uniquePrefix('lock');
    const leaseMs = 1_500;
    const module = new URL('./hold-worker.ts', import.meta.url);
    const holder = await startProcess<number>({ module, args: { url: redisUrl(), prefix, leaseMs } });
    const lock = createLock({ redis, prefix, deadlineMs: 5_000 });
    expect(await lock.tryAcquire('a', { leaseMs })).toBeUndefined();
    await holder.kill('SIGKILL');
    const killedAt = performance.now();
    const lease = await lock.acquire('a', { leaseMs, waitMs: 20_000 });
    expect(performance.now() - killedAt).toBeLessThan(leaseMs + 500);
    expect(lease.token).toBeGreaterThan(holder.value);
    await lease.release();
  }, 40_000);
});
