import { describe, expect, it } from '@jest/globals';
import { countCommands, dedicatedRedis, startProcess, until, within } from '@sallyport/testkit';
import { createLock } from '@sallyport/lock';

const server = await dedicatedRedis();
const watcher = server.client();
const leaseMs = 30_000;
const waitMs = 60_000;

/** Connections that listen for calls. */
async function listeners(): Promise<number> {
  const list = String(await watcher.client('LIST'));
  return list.split('\n').filter((line) => /\bsub=[1-9]/.test(line)).length;
}

function lockOf(prefix: string) {
  const redis = server.client();
  return { redis, lock: createLock({ redis, prefix, deadlineMs: 5_000 }) };
}

describe('waiting for a lock', () => {
  it('serves callers of several clients in the order in which they came', async () => {
    const sides = [lockOf('order:'), lockOf('order:'), lockOf('order:')];
    const order: number[] = [];
    const holder = await lockOf('order:').lock.acquire('a', { leaseMs });
    const waits: Promise<void>[] = [];
    for (let index = 0; index < 30; index += 1) {
      const lock = sides[index % 3]?.lock;
      waits.push(Promise.resolve(lock?.using('a', { leaseMs, waitMs }, () => void order.push(index))));
      await until(async () => (await lock?.get('a'))?.waiting === index + 1);
    }
    await holder.release();
    await Promise.all(waits);
    expect(order).toStrictEqual(order.toSorted((a, b) => a - b));
    expect(order).toHaveLength(30);
  });

  it('costs each waiter three scripts, and the others nothing', async () => {
    const [holding, waiting] = [lockOf('cost:'), lockOf('cost:')];
    await waiting.lock.using('warm-up', { leaseMs }, () => undefined);
    const holder = await holding.lock.acquire('a', { leaseMs });
    const { commands } = await countCommands(waiting.redis, async () => {
      const waits = Array.from({ length: 20 }, () => waiting.lock.using('a', { leaseMs, waitMs }, () => undefined));
      await until(async () => (await holding.lock.get('a'))?.waiting === 20);
      await holder.release();
      await Promise.all(waits);
    });
    // And some beats of the first, if the machine was busy.
    expect(Number(commands['evalsha'])).toBeGreaterThanOrEqual(60);
    expect(Number(commands['evalsha'])).toBeLessThan(70);
    expect(Object.keys(commands)).toStrictEqual(['evalsha']);
  });

  it('needs one connection per client, which goes with the last waiter', async () => {
    const { lock, redis } = lockOf('one-connection:');
    const other = createLock({ redis, prefix: 'one-connection-b:', deadlineMs: 5_000 });
    const holders = [await lock.acquire('a', { leaseMs }), await other.acquire('a', { leaseMs })];
    await until(async () => (await listeners()) === 0, { timeoutMs: 10_000 });
    const waits = [lock, lock, other, other].map((each) => each.using('a', { leaseMs, waitMs }, () => undefined));
    await until(async () => (await listeners()) === 1);
    for (const holder of holders) await holder.release();
    await Promise.all(waits);
    await until(async () => (await listeners()) === 0, { timeoutMs: 10_000 });
  });

  it('gives up that connection when the client ends', async () => {
    const { lock, redis } = lockOf('client-ends:');
    await until(async () => (await listeners()) === 0, { timeoutMs: 10_000 });
    await lock.acquire('a', { leaseMs });
    const waiting = lock.acquire('a', { leaseMs, waitMs });
    await until(async () => (await listeners()) === 1);
    redis.disconnect();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    await until(async () => (await listeners()) === 0);
  });

  it('goes on without that connection', async () => {
    const [holding, waiting] = [lockOf('killed:'), lockOf('killed:')];
    await until(async () => (await listeners()) === 0, { timeoutMs: 10_000 });
    const holder = await holding.lock.acquire('a', { leaseMs });
    const waits = [1, 2, 3].map(() => waiting.lock.using('a', { leaseMs, waitMs }, () => undefined));
    await until(async () => (await listeners()) === 1);
    await watcher.call('client', 'kill', 'type', 'pubsub');
    await holder.release();
    await within(5_000, Promise.all(waits));
  });

  it('works for a user who may use neither PUBLISH nor SUBSCRIBE on its channels', async () => {
    await watcher.call('acl', 'setuser', 'mute', 'on', '>secret', 'allkeys', 'allcommands', 'resetchannels');
    const redis = server.client({ username: 'mute', password: 'secret' });
    const lock = createLock({ redis, prefix: 'mute:', deadlineMs: 5_000 });
    const holder = await lock.acquire('a', { leaseMs });
    const waits = [1, 2, 3].map(() => lock.using('a', { leaseMs, waitMs }, () => undefined));
    await until(async () => (await lock.get('a'))?.waiting === 3);
    expect(await holder.release()).toStrictEqual({ released: true });
    await within(5_000, Promise.all(waits));
  });

  it('takes a caller who goes away out of the line', async () => {
    const { lock } = lockOf('cancel:');
    const holder = await lock.acquire('a', { leaseMs });
    const controller = new AbortController();
    const waits = [1, 2, 3].map(() => lock.acquire('a', { leaseMs, waitMs, signal: controller.signal }));
    const late = lock.acquire('a', { leaseMs, waitMs: 300 });
    await until(async () => (await lock.get('a'))?.waiting === 4);
    controller.abort(new Error('gone'));
    for (const wait of waits) await expect(wait).rejects.toMatchObject({ code: 'ERR_LOCK_ABORTED' });
    await expect(late).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
    await until(async () => (await lock.get('a'))?.waiting === 0);
    await holder.release();
    expect(await lock.tryAcquire('a', { leaseMs })).toBeDefined();
  });

  it('loses at most a second to waiters whose process was killed, however many they were', async () => {
    const prefix = 'dead:';
    const module = new URL('./wait-worker.ts', import.meta.url);
    const { lock } = lockOf(prefix);
    const holder = await lock.acquire('a', { leaseMs });
    const args = { url: server.url, prefix, waiters: 8 };
    const dead = await startProcess<number>({ module, args });
    await until(async () => (await lock.get('a'))?.waiting === 8, { timeoutMs: 10_000 });
    const alive = lock.acquire('a', { leaseMs, waitMs });
    await until(async () => (await lock.get('a'))?.waiting === 9);
    await dead.kill('SIGKILL');
    await holder.release();
    // One second for the dead, the rest for a busy machine.
    await within(2_500, alive);
    expect((await alive).token).toBeGreaterThan(holder.token);
  }, 40_000);

  it('hands over when an administrator takes the lock away', async () => {
    const { lock } = lockOf('evict:');
    await lock.acquire('a', { leaseMs });
    const next = lock.acquire('a', { leaseMs, waitMs });
    await until(async () => (await lock.get('a'))?.waiting === 1);
    expect(await lock.delete('a')).toBe(true);
    await within(5_000, next);
    expect((await lock.get('a'))?.token).toBe((await next).token);
  });
});

describe('renewals', () => {
  it('go in one call for all leases of the lock, whatever their length', async () => {
    const { lock, redis } = lockOf('batch:');
    const lengths = [600, 900, 1_200];
    const leases = await Promise.all(
      Array.from({ length: 60 }, (_, index) => lock.acquire(`r${index}`, { leaseMs: lengths[index % 3] ?? 600 })),
    );
    const { commands } = await countCommands(redis, async () => {
      const startedAt = performance.now();
      await until(() => performance.now() - startedAt > 1_500, { timeoutMs: 10_000, everyMs: 50 });
    });
    for (const lease of leases) lease.assertHeld();
    // Alone, the sixty would have sent over 300.
    expect(Number(commands['evalsha'])).toBeLessThan(60);
    await Promise.all(leases.map((lease) => lease.release()));
  });
});
