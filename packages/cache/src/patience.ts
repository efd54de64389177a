// How long one getOrSet waits for Redis, over all its commands: a Redis that answers each of them just in time must not
// cost three deadlines.

import { StoreUnavailableError } from '@sallyport/core';

export interface Patience {
  /**
   * Waits for an answer as long as patience lasts.
   *
   * @param onLate receives an answer that comes later; must not throw
   * @throws {StoreUnavailableError} when it is over, and whatever `call` rejects with
   */
  wait<T>(call: () => Promise<T>, onLate?: (answer: T) => void): Promise<T>;
}

export function createPatience(totalMs: number): Patience {
  let leftMs = totalMs;

  async function waitUntil<T>(answer: Promise<T>, ms: number, onLate: (answer: T) => void): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const end = new Promise<never>((_resolve, reject) => {
      const error = new StoreUnavailableError('cache', 'deadline', `no answer in ${totalMs} ms over all commands`);
      // An answer that is in the socket when a busy process notices the time is read first.
      timer = setTimeout(() => setImmediate(() => ((isOver = true), reject(error))), Math.max(ms, 0));
    });
    // What fails later fails for nobody.
    answer.then((late) => isOver && onLate(late)).catch(() => undefined);
    return Promise.race([answer, end]).finally(() => clearTimeout(timer));
  }

  return {
    async wait(call, onLate = () => undefined) {
      const startedAt = performance.now();
      try {
        // The first is bounded by the store itself, and most calls have but one.
        return await (leftMs === totalMs ? call() : waitUntil(call(), leftMs, onLate));
      } finally {
        leftMs -= performance.now() - startedAt;
      }
    },
  };
}
