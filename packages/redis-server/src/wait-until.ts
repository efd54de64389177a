/**
 * The one way in which this package waits for servers to agree: ask, pause, ask again, with a limit. Clocks are monotonic
 * and local; nothing of what is waited for depends on them.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, RedisStartError } from './errors.js';

export interface WaitUntilOptions {
  /** What is waited for, for the error: "cluster_state:ok on all nodes". */
  goal: string;
  /** @default 30000 */
  limitMs?: number;
  /** @default 15 */
  pollMs?: number;
}

/**
 * Asks `check` again and again until it returns something else than undefined. An error of `check` counts as "not yet".
 * @throws {RedisStartError} when the limit has passed; it names the goal and carries the last error.
 */
export async function waitUntil<T>(options: WaitUntilOptions, check: () => Promise<T | undefined>): Promise<T> {
  const { goal, limitMs = 30_000, pollMs = 15 } = options;
  const giveUpAt = performance.now() + limitMs;
  let lastError: unknown;
  do {
    try {
      const found = await check();
      if (found !== undefined) return found;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    await delay(pollMs);
  } while (performance.now() < giveUpAt);
  const detail = lastError === undefined ? '' : `; last error: ${messageOf(lastError)}`;
  throw new RedisStartError(`Waited ${limitMs} ms in vain for ${goal}${detail}`, { cause: lastError });
}
