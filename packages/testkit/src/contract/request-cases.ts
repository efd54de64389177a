import { jestGlobals } from '../jest-globals.js';
import { within } from '../waiting.js';
import { answerWithinMs, type Arena } from './arena.js';

/** Each request has exactly one outcome. `nextCalls` has one entry per request: how often `next` was called. */
export function requestCases(arena: Arena<Response>, nextCalls: readonly number[]): void {
  const { expect, it } = jestGlobals();
  const { subject, expectHealthy } = arena.specimen;

  it('calls next once for a request that it lets through', async () => {
    const { use } = await arena.start();
    await expectHealthy(await use());
    expect(nextCalls.at(-1)).toBe(1);
  });

  it('calls next at most once while Redis is unreachable', async () => {
    const { use } = await arena.start();
    await expectHealthy(await use());
    await arena.proxy.refuse();
    await subject.expectDegraded(await use());
    expect(nextCalls.at(-1)).toBeLessThanOrEqual(1);
  });

  it('answers concurrent requests, each once', async () => {
    const { use } = await arena.start();
    const first = nextCalls.length;
    const responses = await Promise.all(Array.from({ length: 10 }, () => use()));
    for (const response of responses) await expectHealthy(response);
    expect(nextCalls.slice(first).every((calls) => calls <= 1)).toBe(true);
    expect(nextCalls.length - first).toBe(10);
  });

  if (subject.lacks?.includes('skip')) return;

  it('passes a request that skip picks without asking Redis', async () => {
    const { use } = await arena.start({ skip: () => true });
    const before = arena.proxy.commands();
    await expectHealthy(await use());
    expect(nextCalls.at(-1)).toBe(1);
    expect(arena.proxy.commands()).toBe(before);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('from skip');
      },
    ],
    ['rejects', () => Promise.reject(new Error('from skip'))],
  ])('hands the error on when skip %s', async (_how, skip) => {
    const { use } = await arena.start({ skip });
    const using = use();
    await within(answerWithinMs, using);
    expect((await using).status).toBe(500);
    expect(nextCalls.at(-1)).toBe(1);
  });
}
