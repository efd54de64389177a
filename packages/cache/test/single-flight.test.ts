import { describe, expect, it } from '@jest/globals';
import { deferred } from '@sallyport/testkit';
import { createSingleFlight, type Outcome } from '../src/single-flight.js';

function outcomes() {
  const gates: ReturnType<typeof deferred<Outcome>>[] = [];
  const start = () => {
    const gate = deferred<Outcome>();
    gates.push(gate);
    return gate.promise;
  };
  return { gates, start };
}

describe('createSingleFlight()', () => {
  it('runs once for callers that overlap and again for the next', async () => {
    const flight = createSingleFlight();
    const { gates, start } = outcomes();
    const both = [flight.run('key', start, true), flight.run('key', start, true)];
    gates[0]?.resolve({ value: 1, isOvertaken: false });
    expect(await Promise.all(both)).toStrictEqual([1, 1]);
    const next = flight.run('key', start, true);
    gates[1]?.resolve({ value: 2, isOvertaken: false });
    expect(await next).toBe(2);
  });

  it('runs once more, and not once each, for those who joined a run that was overtaken', async () => {
    const flight = createSingleFlight();
    const { gates, start } = outcomes();
    const first = flight.run('key', start, true);
    const joined = [flight.run('key', start, true), flight.run('key', start, true), flight.run('key', start, true)];
    gates[0]?.resolve({ value: 'old', isOvertaken: true });
    expect(await first).toBe('old');
    // Overtaken again: but that run began after these calls, so its value is right for them.
    gates[1]?.resolve({ value: 'new', isOvertaken: true });
    expect(await Promise.all(joined)).toStrictEqual(['new', 'new', 'new']);
    expect(gates).toHaveLength(2);
  });

  it('starts anew beside a run that was detached, which does not displace the newer one', async () => {
    const flight = createSingleFlight();
    const { gates, start } = outcomes();
    const old = flight.run('key', start, true);
    flight.detach('key');
    const newer = flight.run('key', start, true);
    gates[0]?.resolve({ value: 'old', isOvertaken: false });
    await old;
    const joined = flight.run('key', start, true);
    gates[1]?.resolve({ value: 'new', isOvertaken: false });
    expect(await Promise.all([newer, joined])).toStrictEqual(['new', 'new']);
    expect(gates).toHaveLength(2);
  });

  it('gives a stale value to nobody who did not ask for one', async () => {
    const flight = createSingleFlight();
    const { gates, start } = outcomes();
    const all = [flight.run('key', start, true), flight.run('key', start, true), flight.run('key', start, false)];
    gates[0]?.resolve({ value: 'stale', isOvertaken: false, isStale: true });
    expect(await Promise.all(all.slice(0, 2))).toStrictEqual(['stale', 'stale']);
    gates[1]?.resolve({ value: 'new', isOvertaken: false });
    expect(await all[2]).toBe('new');
    expect(gates).toHaveLength(2);
  });
});
