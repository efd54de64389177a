import { pause, realClearTimeout, realNow, realSetTimeout } from './real-time.js';

/** How long {@link until} waits and how it names the condition when it gives up. */
export interface UntilOptions {
  /** @default 2000 */
  readonly timeoutMs?: number;
  /** Pause between two looks. @default 5 */
  readonly everyMs?: number;
  /** Ends the sentence "Timed out after … ms waiting until …". */
  readonly description?: string;
}

/**
 * Waits until `condition` gives something truthy, and resolves to that. A condition that throws counts as "not yet", so an
 * `expect` in it works; the last error is the `cause` when time runs out.
 *
 * @throws {Error} when the deadline passes first, also if the condition itself never settles.
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions = {}): Promise<T> {
  const { timeoutMs = 2000, everyMs = 5, description = condition.toString() } = options;
  const deadline = realNow() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const value = await orTimeOut(Promise.resolve(condition()), deadline - realNow());
      if (value) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await pause(everyMs);
  } while (realNow() < deadline);
  throw new Error(`Timed out after ${timeoutMs} ms waiting until ${description}`, { cause });
}

/**
 * Asserts that `promise` settles, either way, within `ms`; resolves to the elapsed milliseconds. The outcome is the test's to
 * look at: await the promise afterwards.
 *
 * @throws {Error} when the promise is still pending after `ms`.
 */
export async function within(ms: number, promise: PromiseLike<unknown>): Promise<number> {
  const start = realNow();
  const settled = Promise.resolve(promise).then(
    () => undefined,
    () => undefined,
  );
  await orTimeOut(settled, ms);
  return realNow() - start;
}

function orTimeOut<T>(promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = realSetTimeout(() => reject(new Error(`Still pending after ${Math.round(ms)} ms`)), Math.max(ms, 0));
    promise.then(resolve, reject).finally(() => realClearTimeout(timer));
  });
}
