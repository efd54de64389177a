// How long one request may wait for Redis, all its calls together: a page that makes three calls must not take three
// deadlines.

import { StoreUnavailableError } from '@sallyport/core';

/** What a request has spent. */
export interface WaitBudget {
  waitedMs: number;
}

/**
 * Runs a store call within what is left of a request's budget, and charges it for the wait.
 *
 * @param onLate receives a result that came after the budget was spent
 * @throws {StoreUnavailableError} at once when nothing is left, or when the rest is over first
 */
export async function withinBudget<T>(
  budget: WaitBudget | undefined,
  deadlineMs: number,
  call: () => Promise<T>,
  onLate?: (result: T) => void,
): Promise<T> {
  if (budget === undefined) return call();
  const leftMs = deadlineMs - budget.waitedMs;
  const overdue = () => new StoreUnavailableError('session', 'deadline', `no answer in ${deadlineMs} ms in all`);
  if (leftMs <= 0) throw overdue();
  const startedAt = performance.now();
  try {
    // The call has the whole deadline of its own: a timer is needed only where the request has less.
    if (budget.waitedMs < 1) return await call();
    return await new Promise<T>((resolve, reject) => {
      let isOver = false;
      const expire = () => {
        isOver = true;
        reject(overdue());
      };
      // As in the guard: an answer that is in the socket already wins over a timer that a busy event loop made late.
      const timer = setTimeout(() => setImmediate(expire), leftMs);
      call().then(
        (result) => {
          clearTimeout(timer);
          if (isOver) onLate?.(result);
          resolve(result);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  } finally {
    budget.waitedMs += performance.now() - startedAt;
  }
}
