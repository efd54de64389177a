import { describe, expect, it } from '@jest/globals';
import { connect, countCommands, deferred, expectTtlOnAllKeys, uniquePrefix, until } from '@sallyport/testkit';
import {
  createLock,
  LockAbortedError,
  LockHeldError,
  LockTimeoutError,
  type Lease,
  type LockEvent,
} from '@sallyport/lock';

const redis = connect();
const leaseMs = 5_000;

/** A lock of its own for each test, and what it reported. */
function freshLock() {
  const prefix = uniquePrefix('lock');
  const events: LockEvent[] = [];
  const lock = createLock({ redis, prefix, deadlineMs: 2_000, onEvent: (event) => events.push(event) });
  return { lock, prefix, events, types: () => events.map(({ type }) => type) };
}

describe('createLock()', () => {
  describe('using()', () => {
    it("gives the body's result and frees the lock", async () => {
      const { lock, types } = freshLock();
      await expect(lock.using('a', { leaseMs }, async (lease) => lease.resource)).resolves.toBe('a');
      expect(await lock.get('a')).toBeUndefined();
      expect(types()).toStrictEqual(['acquired', 'released']);
    });

    it("gives the body's error and frees the lock", async () => {
      const { lock } = freshLock();
      const failure = new Error('from the body');
      await expect(lock.using('a', { leaseMs }, () => Promise.reject(failure))).rejects.toBe(failure);
      expect(await lock.get('a')).toBeUndefined();
    });

    it('never runs two bodies at a time', async () => {
      const { lock } = freshLock();
      let inside = 0;
      let most = 0;
      const bodies = Array.from({ length: 20 }, () =>
        lock.using('a', { leaseMs, waitMs: 10_000 }, async () => {
          most = Math.max(most, (inside += 1));
          await redis.ping();
          inside -= 1;
        }),
      );
      await Promise.all(bodies);
      expect(most).toBe(1);
    });

    it('sends two commands when nobody else wants the lock', async () => {
      const { lock } = freshLock();
      await lock.using('warm-up', { leaseMs }, () => undefined);
      const { commands } = await countCommands(redis, () => lock.using('a', { leaseMs }, () => undefined));
      expect(commands).toStrictEqual({ evalsha: 2 });
    });
  });

  describe('acquire()', () => {
    it('refuses at once when the lock is held and waitMs is 0', async () => {
      const { lock, types } = freshLock();
      await lock.acquire('a', { leaseMs });
      const error = await lock.acquire('a', { leaseMs }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(LockHeldError);
      expect(error).toMatchObject({ code: 'ERR_LOCK_HELD', status: 409, resource: 'a' });
      const { holderRemainingMs } = error as LockHeldError;
      expect(holderRemainingMs).toBeGreaterThan(leaseMs - 2_000);
      expect(holderRemainingMs).toBeLessThanOrEqual(leaseMs);
      expect(types()).toStrictEqual(['acquired', 'held']);
    });

    it('gives up after waitMs', async () => {
      const { lock } = freshLock();
      await lock.acquire('a', { leaseMs });
      const error = await lock.acquire('a', { leaseMs, waitMs: 60 }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(LockTimeoutError);
      expect(error).toMatchObject({ code: 'ERR_LOCK_TIMEOUT', status: 503, waitMs: 60 });
    });

    it('gets the lock when its holder releases it', async () => {
      const { lock } = freshLock();
      const first = await lock.acquire('a', { leaseMs });
      const second = lock.acquire('a', { leaseMs, waitMs: 10_000 });
      await first.release();
      expect((await second).token).toBeGreaterThan(first.token);
    });

    it('gets the lock when the lease of a holder that died runs out', async () => {
      const { lock, prefix } = freshLock();
      const dead = createLock({ redis, prefix, deadlineMs: 2_000 });
      await dead.acquire('a', { leaseMs: 300 });
      await dead.close();
      const startedAt = performance.now();
      await lock.acquire('a', { leaseMs, waitMs: 10_000 });
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    });

    it('ends the wait when the signal aborts, with its reason as the cause', async () => {
      const { lock } = freshLock();
      await lock.acquire('a', { leaseMs });
      const controller = new AbortController();
      const waiting = lock.acquire('a', { leaseMs, waitMs: 10_000, signal: controller.signal });
      const reason = new Error('the client has gone');
      controller.abort(reason);
      const error = await waiting.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(LockAbortedError);
      expect(error).toMatchObject({ code: 'ERR_LOCK_ABORTED', cause: reason });
      await expect(lock.acquire('b', { leaseMs, signal: controller.signal })).rejects.toThrow(LockAbortedError);
    });

    it('refuses wrong arguments by name and value', async () => {
      const { lock } = freshLock();
      const code = 'ERR_LOCK_OPTION';
      await expect(lock.acquire('', { leaseMs })).rejects.toMatchObject({ code, option: 'resource' });
      await expect(lock.acquire('a', { leaseMs: 199 })).rejects.toMatchObject({ code, option: 'leaseMs' });
      await expect(lock.acquire('a', { leaseMs, waitMs: -1 })).rejects.toMatchObject({ code, option: 'waitMs' });
      await expect(lock.acquire('a', { leaseMs, signal: {} as AbortSignal })).rejects.toMatchObject({ code });
      await expect(lock.tryAcquire('a', { leaseMs, waitMs: 1 } as never)).rejects.toThrow('waitMs');
    });
  });

  describe('tryAcquire()', () => {
    it('gives a lease, or undefined when the lock is held', async () => {
      const { lock } = freshLock();
      const lease = await lock.tryAcquire('a', { leaseMs });
      expect(lease?.resource).toBe('a');
      expect(await lock.tryAcquire('a', { leaseMs })).toBeUndefined();
      expect(await lock.tryAcquire('b', { leaseMs })).toBeDefined();
    });
  });

  describe('release()', () => {
    it('says that it released, once and again', async () => {
      const { lock } = freshLock();
      const lease = await lock.acquire('a', { leaseMs });
      expect(await lease.release()).toStrictEqual({ released: true });
      expect(await lease.release()).toStrictEqual({ released: true });
    });

    it('does nothing to the lock of another owner, and says so', async () => {
      const { lock } = freshLock();
      const lease = await lock.acquire('a', { leaseMs });
      await lock.delete('a');
      const other = await lock.acquire('a', { leaseMs });
      expect(await lease.release()).toStrictEqual({ released: false, reason: 'taken' });
      expect(await lock.get('a')).toMatchObject({ token: other.token });
    });

    it('says that the lease had expired when nobody holds the lock', async () => {
      const { lock } = freshLock();
      const lease = await lock.acquire('a', { leaseMs });
      await lock.delete('a');
      expect(await lease.release()).toStrictEqual({ released: false, reason: 'expired' });
    });

    it('happens at the end of an asynchronous disposal', async () => {
      const { lock } = freshLock();
      const lease = await lock.acquire('a', { leaseMs });
      await lease[Symbol.asyncDispose]();
      expect(await lock.get('a')).toBeUndefined();
    });
  });

  describe('extend()', () => {
    it('lengthens the lease, and a later renewal does not shorten it', async () => {
      const { lock, prefix } = freshLock();
      const lease = await lock.acquire('a', { leaseMs: 300 });
      await lease.extend(60_000);
      expect(lease.remainingMs).toBeGreaterThan(50_000);
      const { total } = await countCommands(redis, () => until(() => lease.remainingMs < 56_900, { timeoutMs: 5_000 }));
      expect(total).toBeGreaterThan(0);
      expect(await redis.pttl(`${prefix}{a}`)).toBeGreaterThan(50_000);
    });

    it('refuses a length that acquire() refuses', async () => {
      const { lock } = freshLock();
      const lease = await lock.acquire('a', { leaseMs });
      await expect(lease.extend(0)).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', option: 'leaseMs' });
    });
  });

  describe('get(), delete() and clear()', () => {
    it('shows token and remaining time of the holder, and not its owner id', async () => {
      const { lock, prefix } = freshLock();
      expect(await lock.get('a')).toBeUndefined();
      const { token } = await lock.acquire('a', { leaseMs });
      const held = await lock.get('a');
      expect(held).toStrictEqual({ token, remainingMs: expect.any(Number), holders: 1, waiting: 0 });
      const [owner = ''] = await redis.zrange(`${prefix}{a}`, '0', '0');
      expect(owner).toHaveLength(37);
      expect(JSON.stringify(held)).not.toContain(owner.slice(-22));
    });

    it('gives all keys a TTL', async () => {
      const { lock, prefix } = freshLock();
      await lock.acquire('a', { leaseMs });
      await lock.using('b', { leaseMs }, () => undefined);
      await expectTtlOnAllKeys(redis, prefix);
    });

    it('writes no key when the fence is gone at the release', async () => {
      const { lock, prefix } = freshLock();
      const lease = await lock.acquire('a', { leaseMs });
      await redis.del(`${prefix}{a}:fence`);
      expect(await lease.release()).toStrictEqual({ released: true });
      expect(await redis.exists(`${prefix}{a}:fence`)).toBe(0);
    });
  });

  describe('close()', () => {
    it('ends waits and refuses new ones; a lease can still be released', async () => {
      const { lock } = freshLock();
      const lease = await lock.acquire('a', { leaseMs });
      const waits = [1, 2, 3].map(() => lock.acquire('a', { leaseMs, waitMs: 10_000 }));
      await lock.close();
      for (const wait of waits) await expect(wait).rejects.toThrow(LockAbortedError);
      await expect(lock.acquire('b', { leaseMs })).rejects.toThrow(LockAbortedError);
      await expect(lock.tryAcquire('b', { leaseMs })).rejects.toThrow(LockAbortedError);
      expect(await lease.release()).toStrictEqual({ released: true });
    });

    it('lets the lease run out, and the signal tells when', async () => {
      const { lock, types } = freshLock();
      const lease = await lock.acquire('a', { leaseMs: 300 });
      await lock.close();
      await until(() => lease.signal.aborted);
      expect(types()).toContain('lost');
    });
  });

  describe('when a lease is lost while the body runs', () => {
    async function loseDuring<T>(body: (lease: Lease) => Promise<T>) {
      const { lock, types } = freshLock();
      const isLost = deferred();
      const result = lock.using('a', { leaseMs: 300 }, async (lease) => {
        lease.signal.addEventListener('abort', () => isLost.resolve());
        await lock.delete('a');
        await isLost.promise;
        return body(lease);
      });
      return { result: await result.catch((error: unknown) => error), types: types() };
    }

    it("still gives the body's result", async () => {
      const { result, types } = await loseDuring(async () => 'the result');
      expect(result).toBe('the result');
      expect(types).toStrictEqual(['acquired', 'lost']);
    });

    it("still gives the body's error", async () => {
      const failure = new Error('from the body');
      const { result } = await loseDuring(() => Promise.reject(failure));
      expect(result).toBe(failure);
    });

    it('throws from assertHeld() and extend()', async () => {
      const { result } = await loseDuring(async (lease) => {
        expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'ERR_LOCK_LOST', reason: 'taken' }));
        expect(lease.remainingMs).toBe(0);
        await expect(lease.extend(5_000)).rejects.toMatchObject({ code: 'ERR_LOCK_LOST' });
        return lease.signal.reason;
      });
      expect(result).toMatchObject({ code: 'ERR_LOCK_LOST', resource: 'a' });
    });
  });
});
