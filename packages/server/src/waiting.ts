import { setTimeout as delay } from 'node:timers/promises';

/** Waits, and keeps the process alive meanwhile. */
export const wait = (ms: number): Promise<void> => delay(ms);

/** Whether `promise` is fulfilled within `ms`; rejects when it does. */
export async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController();
  const { signal } = timer;
  try {
    return await Promise.race([promise.then(() => true), delay(ms, false, { signal })]);
  } finally {
    // Ends the timer; its rejection belongs to a race that is over.
    timer.abort();
  }
}
