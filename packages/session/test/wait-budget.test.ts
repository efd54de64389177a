import { describe, expect, it } from '@jest/globals';
import { deferred, within } from '@sallyport/testkit';
import { withinBudget } from '../src/wait-budget.js';

describe('withinBudget()', () => {
  it('charges the request for its waits', async () => {
    const budget = { waitedMs: 0 };
    const gate = deferred<string>();
    const waiting = withinBudget(budget, 60_000, () => gate.promise);
    await new Promise((resolve) => void setImmediate(resolve));
    gate.resolve('answer');
    expect(await waiting).toBe('answer');
    expect(budget.waitedMs).toBeGreaterThan(0);
  });

  it('refuses at once, and sends nothing, when nothing is left', async () => {
    let calls = 0;
    const call = () => Promise.resolve((calls += 1));
    const failure = expect.objectContaining({ code: 'ERR_CORE_STORE_UNAVAILABLE', reason: 'deadline', status: 503 });
    await expect(withinBudget({ waitedMs: 250 }, 250, call)).rejects.toStrictEqual(failure);
    expect(calls).toBe(0);
  });

  it('ends when the rest is over, and hands on what comes later', async () => {
    const gate = deferred<string>();
    const late = deferred<string>();
    const waiting = withinBudget({ waitedMs: 240 }, 250, () => gate.promise, late.resolve);
    await within(5_000, waiting);
    await expect(waiting).rejects.toMatchObject({ reason: 'deadline' });
    gate.resolve('too late');
    expect(await late.promise).toBe('too late');
  });

  it('passes on a failure of the call, and charges for it too', async () => {
    const budget = { waitedMs: 5 };
    await expect(withinBudget(budget, 250, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(budget.waitedMs).toBeGreaterThan(5);
  });

  it('adds nothing without a budget', async () => {
    expect(await withinBudget(undefined, 1, () => Promise.resolve(1))).toBe(1);
  });
});
