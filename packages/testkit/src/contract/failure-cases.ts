import { jestGlobals } from '../jest-globals.js';
import { until, within } from '../waiting.js';
import { answerWithinMs, type Arena, type Trial } from './arena.js';

/** Ways in which Redis is not there. Each must be answered by the policy, in time, and end when Redis is back. */
const faults = ['refuses connections', 'swallows everything', 'is paused'] as const;

/** The store's absence degrades by policy, never hangs, and is over within a second of its return. */
export function failureCases<Outcome>(arena: Arena<Outcome>): void {
  const { describe, expect, it } = jestGlobals();
  const { subject, expectHealthy } = arena.specimen;

  async function breakBy(fault: (typeof faults)[number]): Promise<void> {
    if (fault === 'refuses connections') await arena.proxy.refuse();
    if (fault === 'swallows everything') arena.proxy.blackHole();
    if (fault === 'is paused') arena.server.pause();
  }

  async function mend(): Promise<void> {
    await arena.proxy.heal();
    arena.server.resume();
  }

  async function expectDegraded(trial: Trial<Outcome>, expectation = subject.expectDegraded): Promise<void> {
    const using = trial.use();
    await within(answerWithinMs, using);
    await expectation(await using);
  }

  /** Recovered is who answers well and has asked Redis for it: a policy that lets requests through answers well, too. */
  async function expectRecovery({ use }: Trial<Outcome>): Promise<void> {
    await until(
      async () => {
        const before = arena.proxy.commands();
        await expectHealthy(await use());
        expect(arena.proxy.commands()).toBeGreaterThan(before);
        return true;
      },
      { timeoutMs: 1_000, everyMs: 20, description: `${subject.name} has recovered` },
    );
  }

  describe.each(faults)('when Redis %s', (fault) => {
    it('obeys the default policy within the deadline, and recovers within a second', async () => {
      const trial = await arena.start();
      await expectHealthy(await trial.use());
      await breakBy(fault);
      // More than once: a breaker that opens must answer by the same policy.
      for (let uses = 0; uses < 7; uses += 1) await expectDegraded(trial);
      await mend();
      await expectRecovery(trial);
    });
  });

  for (const [policy, expectation] of Object.entries(subject.policies ?? {})) {
    it(`obeys onStoreFailure: '${policy}' when Redis refuses connections`, async () => {
      const trial = await arena.start({ onStoreFailure: policy });
      await expectHealthy(await trial.use());
      await arena.proxy.refuse();
      await expectDegraded(trial, expectation);
    });
  }

  it('starts while Redis is down, degrades, and works once Redis is there', async () => {
    await arena.proxy.refuse();
    const trial = await arena.start();
    await expectDegraded(trial);
    await arena.proxy.heal();
    await expectRecovery(trial);
  });

  it('survives SCRIPT FLUSH', async () => {
    const { use, keys } = await arena.start();
    await expectHealthy(await use());
    await arena.direct.script('FLUSH');
    await expectHealthy(await use());
    await arena.direct.script('FLUSH');
    const fresh = await arena.start();
    await expectHealthy(await fresh.use());
    expect(await fresh.keys()).not.toHaveLength(0);
    expect(await keys()).not.toHaveLength(0);
  });

  it('settles in time when a reply is lost, and goes on', async () => {
    const trial = await arena.start();
    await expectHealthy(await trial.use());
    arena.proxy.dropReplies(1);
    await within(answerWithinMs, trial.use());
    await arena.proxy.heal();
    await expectRecovery(trial);
  });

  it('survives connections that break', async () => {
    const trial = await arena.start();
    await expectHealthy(await trial.use());
    arena.proxy.cut();
    await expectRecovery(trial);
  });
}
