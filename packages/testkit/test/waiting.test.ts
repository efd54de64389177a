import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { deferred, until, within } from '@sallyport/testkit';

afterEach(() => {
  jest.useRealTimers();
});

describe('until()', () => {
  it('resolves to the first truthy value of the condition', async () => {
    let looks = 0;
    expect(await until(() => (looks += 1) >= 3 && `after ${looks}`)).toBe('after 3');
  });

  it('takes an error of the condition for "not yet", and keeps the last as the cause', async () => {
    const waiting = until(
      () => {
        throw new Error('nothing there');
      },
      { timeoutMs: 30, description: 'something is there' },
    );
    await expect(waiting).rejects.toMatchObject({
      message: 'Timed out after 30 ms waiting until something is there',
      cause: { message: 'nothing there' },
    });
  });

  it('gives up on a condition that never settles', async () => {
    const waiting = until(() => new Promise<boolean>(() => undefined), { timeoutMs: 30 });
    await expect(waiting).rejects.toThrow('Timed out after 30 ms');
  });

  it('keeps waiting for real while the timers are fake', async () => {
    jest.useFakeTimers();
    await expect(until(() => false, { timeoutMs: 20, description: 'never' })).rejects.toThrow('Timed out');
  });
});

describe('within()', () => {
  it('gives the elapsed time of a promise that settles, also of one that rejects', async () => {
    const failing = Promise.reject(new Error('settled, though'));
    expect(await within(1000, failing)).toBeLessThan(1000);
    await expect(failing).rejects.toThrow('settled, though');
  });

  it('rejects when the promise is pending at the deadline', async () => {
    await expect(within(20, new Promise(() => undefined))).rejects.toThrow('Still pending after 20 ms');
  });
});

describe('deferred()', () => {
  it('is settled by its functions', async () => {
    const resolved = deferred<number>();
    resolved.resolve(7);
    expect(await resolved.promise).toBe(7);
    const rejected = deferred();
    rejected.reject(new Error('no'));
    await expect(rejected.promise).rejects.toThrow('no');
  });
});
