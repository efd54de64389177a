import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { connect, dedicatedRedis, deferred, startProxy, uniquePrefix, until, within } from '@sallyport/testkit';
import type { Redis } from 'ioredis';
import { createStoreGuard, StoreUnavailableError, type StoreFailure, type StoreGuard } from '../src/index.js';

const prefix = uniquePrefix('core-guard');
const packageName = 'core-test';

/** A client that is ready, for guards whose operations the test settles by hand. */
async function readyClient(client: Redis = connect()): Promise<Redis> {
  await until(() => client.status === 'ready');
  return client;
}

async function reasonOf(call: Promise<unknown>): Promise<StoreFailure | 'success'> {
  try {
    await call;
    return 'success';
  } catch (error) {
    expect(error).toBeInstanceOf(StoreUnavailableError);
    return (error as StoreUnavailableError).reason;
  }
}

const broken = async () => Promise.reject(new Error('Connection is closed.'));

async function breakTimes(guard: StoreGuard, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) expect(await reasonOf(guard.run(broken))).toBe('disconnected');
}

/** The process warnings of the test, as they were emitted. */
function recordWarnings(): unknown[][] {
  const warnings: unknown[][] = [];
  jest.spyOn(process, 'emitWarning').mockImplementation((...args: unknown[]) => void warnings.push(args));
  return warnings;
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('createStoreGuard()', () => {
  it('gives the result of the operation', async () => {
    const redis = await readyClient();
    const guard = createStoreGuard({ redis, packageName, deadlineMs: 5_000 });
    await expect(guard.run(() => redis.echo('hello'))).resolves.toBe('hello');
  });

  it('keeps the error of Redis as the cause, without the arguments of the command', async () => {
    const redis = await readyClient();
    const guard = createStoreGuard({ redis, packageName, deadlineMs: 5_000 });
    const key = `${prefix}wrong-type`;
    await redis.set(key, '1', 'EX', 60);
    const error: unknown = await guard.run(() => redis.lpush(key, 'hunter2')).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      reason: 'reply',
      status: 503,
      cause: { message: expect.stringContaining('WRONGTYPE') },
    });
    expect(inspect(error, { depth: 10 })).not.toContain('hunter2');
  });

  it('turns what an operation throws synchronously into a rejection', async () => {
    const guard = createStoreGuard({ redis: await readyClient(), packageName, deadlineMs: 5_000 });
    const call = guard.run(() => {
      throw new Error('not even sent');
    });
    await expect(call).rejects.toMatchObject({
      reason: 'disconnected',
      message: expect.stringContaining('not even sent'),
    });
  });
});

describe('the deadline', () => {
  it('ends a call on a server that is paused', async () => {
    const server = await dedicatedRedis();
    const redis = await readyClient(server.client());
    const guard = createStoreGuard({ redis, packageName, deadlineMs: 60 });
    server.pause();
    const call = guard.run(() => redis.get('key'));
    const elapsedMs = await within(2_000, call);
    server.resume();
    await expect(call).rejects.toMatchObject({
      reason: 'deadline',
      message: expect.stringContaining('no answer in 60 ms'),
    });
    expect(elapsedMs).toBeGreaterThanOrEqual(55);
  });

  it('ends a call through a network that swallows everything', async () => {
    const proxy = await startProxy();
    const redis = await readyClient(proxy.client());
    const guard = createStoreGuard({ redis, packageName, deadlineMs: 60 });
    proxy.blackHole();
    const call = guard.run(() => redis.get('key'));
    await within(2_000, call);
    expect(await reasonOf(call)).toBe('deadline');
  });

  it('hands a late result to onLate, so that it can be undone', async () => {
    const guard = createStoreGuard({ redis: await readyClient(), packageName, deadlineMs: 20 });
    const answer = deferred<string>();
    const late: string[] = [];
    expect(
      await reasonOf(
        guard.run(
          () => answer.promise,
          (result) => late.push(result),
        ),
      ),
    ).toBe('deadline');
    answer.resolve('lease 7');
    await until(() => late.length === 1);
    expect(late).toEqual(['lease 7']);
  });

  it('does not call onLate for a result in time', async () => {
    const redis = await readyClient();
    const onLate = jest.fn();
    await createStoreGuard({ redis, packageName, deadlineMs: 5_000 }).run(() => redis.echo('x'), onLate);
    expect(onLate).not.toHaveBeenCalled();
  });

  it('drops a late error, which the caller has been told already', async () => {
    const guard = createStoreGuard({ redis: await readyClient(), packageName, deadlineMs: 20 });
    const answer = deferred<string>();
    const onLate = jest.fn();
    expect(await reasonOf(guard.run(() => answer.promise, onLate))).toBe('deadline');
    answer.reject(new Error('late'));
    await setImmediate();
    expect(onLate).not.toHaveBeenCalled();
  });

  it.each<[string, (result: string) => unknown]>([
    [
      'throws',
      () => {
        throw new Error('undo failed');
      },
    ],
    ['rejects', async () => Promise.reject(new Error('undo failed'))],
  ])('warns when onLate %s', async (_how, onLate) => {
    const warnings = recordWarnings();
    const guard = createStoreGuard({ redis: await readyClient(), packageName, deadlineMs: 20 });
    const answer = deferred<string>();
    expect(await reasonOf(guard.run(() => answer.promise, onLate))).toBe('deadline');
    answer.resolve('result');
    await until(() => warnings.length === 1);
    expect(warnings).toEqual([['onLate failed: undo failed', 'SallyportWarning']]);
  });

  it('prefers an answer that waits in the socket while the event loop was busy', async () => {
    const redis = await readyClient();
    const guard = createStoreGuard({ redis, packageName, deadlineMs: 30 });
    const call = guard.run(() => redis.echo('in time'));
    await setImmediate();
    for (const end = performance.now() + 120; performance.now() < end;);
    await expect(call).resolves.toBe('in time');
  });
});

describe('a client that is not ready', () => {
  it('is waited for while it connects', async () => {
    const redis = connect();
    expect(redis.status).toBe('connecting');
    const guard = createStoreGuard({ redis, packageName, deadlineMs: 5_000 });
    const answers = Array.from({ length: 50 }, (_, index) => guard.run(() => redis.echo(String(index))));
    // One wait for all of them: ioredis would warn of a leak at eleven listeners.
    expect(redis.listenerCount('ready')).toBeLessThanOrEqual(2);
    await expect(Promise.all(answers)).resolves.toHaveLength(50);
    expect(redis.listenerCount('ready')).toBe(0);
  });

  it('is waited for also without an offline queue, and when it connects lazily', async () => {
    const redis = connect({ lazyConnect: true, enableOfflineQueue: false });
    const guard = createStoreGuard({ redis, packageName, deadlineMs: 5_000 });
    await expect(guard.run(() => redis.echo('awake'))).resolves.toBe('awake');
  });

  it('is not waited for once connecting has failed', async () => {
    const proxy = await startProxy();
    await proxy.refuse();
    const redis = proxy.client({ retryStrategy: () => 60_000 });
    const operation = jest.fn(() => redis.echo('x'));
    const call = createStoreGuard({ redis, packageName, deadlineMs: 10_000 }).run(operation);
    await within(5_000, call);
    expect(await reasonOf(call)).toBe('disconnected');
    expect(operation).not.toHaveBeenCalled();
  });

  it('is sent nothing on behalf of a caller that has given up', async () => {
    const proxy = await startProxy();
    proxy.blackHole();
    const redis = proxy.client();
    const operation = jest.fn(() => redis.echo('x'));
    const call = createStoreGuard({ redis, packageName, deadlineMs: 40 }).run(operation);
    expect(await reasonOf(call)).toBe('deadline');
    await proxy.heal();
    await readyClient(redis);
    await setImmediate();
    expect(operation).not.toHaveBeenCalled();
  });

  it('fails at once while it waits to reconnect, and works at once when it has', async () => {
    const proxy = await startProxy();
    const redis = await readyClient(proxy.client({ retryStrategy: () => 60_000 }));
    const guard = createStoreGuard({ redis, packageName, deadlineMs: 10_000 });
    await proxy.refuse();
    await until(() => redis.status === 'reconnecting');
    const operation = jest.fn(() => redis.echo('back'));
    for (let count = 0; count < 20; count += 1) {
      const call = guard.run(operation);
      expect(await within(1_000, call)).toBeLessThan(500);
      await expect(call).rejects.toMatchObject({
        reason: 'disconnected',
        message: expect.stringContaining('reconnecting'),
      });
    }
    expect(operation).not.toHaveBeenCalled();
    await proxy.heal();
    await redis.connect();
    await expect(guard.run(operation)).resolves.toBe('back');
  });

  it('fails at once after it was closed', async () => {
    const redis = await readyClient();
    redis.disconnect();
    await until(() => redis.status === 'end');
    expect(await reasonOf(createStoreGuard({ redis, packageName, deadlineMs: 5_000 }).run(broken))).toBe(
      'disconnected',
    );
  });

  it('reports the lost reply of a connection that breaks', async () => {
    const proxy = await startProxy();
    const redis = await readyClient(proxy.client({ maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false }));
    proxy.dropReplies(1);
    const guard = createStoreGuard({ redis, packageName, deadlineMs: 10_000 });
    expect(await reasonOf(guard.run(() => redis.echo('lost')))).toBe('disconnected');
  });
});

describe('the breaker', () => {
  async function guardWithClock() {
    const clock = { now: 1_000 };
    const redis = await readyClient();
    const guard = createStoreGuard({ redis, packageName, deadlineMs: 10_000, now: () => clock.now });
    return { clock, guard, redis };
  }

  it('opens after five failures in a row', async () => {
    const { guard } = await guardWithClock();
    await breakTimes(guard, 5);
    const operation = jest.fn(broken);
    await expect(guard.run(operation)).rejects.toMatchObject({
      reason: 'circuit-open',
      message: expect.stringContaining('5 calls failed'),
    });
    expect(operation).not.toHaveBeenCalled();
  });

  it('counts only failures in a row', async () => {
    const { guard, redis } = await guardWithClock();
    for (let round = 0; round < 5; round += 1) {
      await breakTimes(guard, 4);
      expect(await reasonOf(guard.run(() => redis.ping()))).toBe('success');
    }
  });

  it('lets one call probe after 250 ms, and the others fail meanwhile', async () => {
    const { clock, guard } = await guardWithClock();
    await breakTimes(guard, 5);
    clock.now += 249;
    expect(await reasonOf(guard.run(broken))).toBe('circuit-open');
    clock.now += 1;
    const answer = deferred<string>();
    const probe = guard.run(() => answer.promise);
    expect(await reasonOf(guard.run(broken))).toBe('circuit-open');
    clock.now += 10_000;
    expect(await reasonOf(guard.run(broken))).toBe('circuit-open');
    answer.resolve('well again');
    await expect(probe).resolves.toBe('well again');
  });

  it('closes when the probe succeeds', async () => {
    const { clock, guard, redis } = await guardWithClock();
    await breakTimes(guard, 5);
    clock.now += 250;
    expect(await reasonOf(guard.run(() => redis.ping()))).toBe('success');
    await breakTimes(guard, 4);
    expect(await reasonOf(guard.run(() => redis.ping()))).toBe('success');
  });

  it('stays open for another 250 ms when the probe fails', async () => {
    const { clock, guard, redis } = await guardWithClock();
    await breakTimes(guard, 5);
    clock.now += 250;
    await breakTimes(guard, 1);
    clock.now += 249;
    expect(await reasonOf(guard.run(() => redis.ping()))).toBe('circuit-open');
    clock.now += 1;
    expect(await reasonOf(guard.run(() => redis.ping()))).toBe('success');
  });

  it('closes when the probe shows a server that is well and refuses the command', async () => {
    const { clock, guard, redis } = await guardWithClock();
    await breakTimes(guard, 5);
    clock.now += 250;
    expect(await reasonOf(guard.run(() => redis.call('no-such-command')))).toBe('reply');
    expect(await reasonOf(guard.run(() => redis.ping()))).toBe('success');
  });

  it('lets another call probe when the probe ran into the deadline', async () => {
    const clock = { now: 0 };
    const redis = await readyClient();
    const guard = createStoreGuard({ redis, packageName, deadlineMs: 20, now: () => clock.now });
    await breakTimes(guard, 5);
    clock.now += 250;
    expect(await reasonOf(guard.run(() => deferred().promise))).toBe('deadline');
    clock.now += 250;
    expect(await reasonOf(guard.run(() => redis.ping()))).toBe('success');
  });

  it('stays closed however often commands are wrong', async () => {
    const { guard, redis } = await guardWithClock();
    const key = `${prefix}wrong-often`;
    await redis.set(key, 'text', 'EX', 60);
    for (let count = 0; count < 12; count += 1) {
      expect(await reasonOf(guard.run(() => redis.lpush(key, 'x')))).toBe('reply');
      expect(await reasonOf(guard.run(() => redis.call('eval', 'return {err="MY own"}', 0)))).toBe('reply');
    }
    expect(await reasonOf(guard.run(() => redis.ping()))).toBe('success');
  });

  it.each(['READONLY', 'OOM'])('opens when the server answers every write with %s', async (code) => {
    const server = await dedicatedRedis();
    const redis = await readyClient(server.client());
    if (code === 'READONLY') await redis.call('replicaof', '127.0.0.1', '1');
    else await redis.config('SET', 'maxmemory', '1');
    const guard = createStoreGuard({ redis, packageName, deadlineMs: 10_000 });
    const write = () => redis.eval(`return redis.call('SET', KEYS[1], 'x', 'EX', 60)`, 1, 'key');
    for (let count = 0; count < 5; count += 1) {
      await expect(guard.run(write)).rejects.toMatchObject({ reason: 'reply', message: expect.stringContaining(code) });
    }
    expect(await reasonOf(guard.run(write))).toBe('circuit-open');
  });

  it('makes an outage cost few requests their deadline, and ends with it', async () => {
    const server = await dedicatedRedis();
    const redis = await readyClient(server.client());
    const guard = createStoreGuard({ redis, packageName, deadlineMs: 30 });
    server.pause();
    const reasons = [];
    for (let count = 0; count < 20; count += 1) reasons.push(await reasonOf(guard.run(() => redis.ping())));
    expect(reasons.slice(0, 5)).toEqual(Array(5).fill('deadline'));
    expect(reasons.slice(5)).toEqual(Array(15).fill('circuit-open'));
    server.resume();
    await until(async () => (await reasonOf(guard.run(() => redis.ping()))) === 'success');
  });
});
