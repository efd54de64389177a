// Two windows. The current one opens with a request; the one before fades while time passes since its end:
//
//   used = current + previous × (windowMs − ms since the previous window ended) / windowMs      admitted while used < limit
//
//   ├── previous ──┤ gap ├── current ──┤      gap: nobody asked; the next request opened the current window
//
// Both sides are multiplied by windowMs, so all numbers are integers.
// Worst case in any rolling window: 2 × limit − 1. It can touch two windows, but not their two first requests, which are at
// least windowMs apart. (With windows on a fixed grid it would be 2 × limit: two requests at once with a limit of 1.)

import type { Policy, Verdict } from '../decision.js';
import type { Counter } from './counter.js';

interface Windows {
  /** When the current window opened. */
  readonly start: number;
  readonly current: number;
  readonly previous: number;
  readonly gapMs: number;
}

/** Counts one key in a window that slides. */
export class SlidingWindow implements Counter {
  readonly #policy: Policy;
  #windows: Windows = { start: 0, current: 0, previous: 0, gapMs: 0 };

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  take(now: number): Verdict {
    const { limit, windowMs } = this.#policy;
    if (this.#windows.start > now) this.#windows = { ...this.#windows, start: now };
    // A rejected request does not open the window that it would have opened.
    const asked = open(this.#windows, now, windowMs);
    const isAllowed = weigh(asked, now, windowMs) < limit * windowMs;
    const windows = isAllowed ? { ...asked, current: asked.current + 1 } : asked;
    if (isAllowed) this.#windows = windows;
    return { isAllowed, ...outlook(windows, now, this.#policy) };
  }
}

/** The windows for a request at `now`: when the current one is over, it is the previous one of a new window. */
function open(windows: Windows, now: number, windowMs: number): Windows {
  const over = now - windows.start - windowMs;
  if (over < 0) return windows;
  if (over >= windowMs) return { start: now, current: 0, previous: 0, gapMs: 0 };
  return { start: now, current: 0, previous: windows.current, gapMs: over };
}

/** What is used, in 1/windowMs of a request. */
function weigh({ start, current, previous, gapMs }: Windows, now: number, windowMs: number): number {
  return current * windowMs + previous * Math.max(0, windowMs - gapMs - (now - start));
}

function outlook(windows: Windows, now: number, { limit, windowMs }: Policy): Omit<Verdict, 'isAllowed'> {
  const { start, current, previous, gapMs } = windows;
  const used = Math.floor(weigh(windows, now, windowMs) / windowMs);
  const elapsed = now - start;
  const untilEnd = windowMs - elapsed;
  const untilNext =
    current < limit
      ? fading(previous, limit - current, windowMs) - gapMs - elapsed
      : untilEnd + fading(current, limit, windowMs);
  const untilFull =
    current > 0
      ? untilEnd + fading(current, 1, windowMs)
      : Math.max(0, fading(previous, 1, windowMs) - gapMs - elapsed);
  return { remaining: Math.max(0, limit - used), resetMs: untilFull, retryAfterMs: used < limit ? 0 : untilNext };
}

/** How long ago (ms) a window of `count` requests must have ended to weigh less than `ceiling`. */
function fading(count: number, ceiling: number, windowMs: number): number {
  return count < ceiling ? 0 : windowMs - Math.ceil((ceiling * windowMs) / count) + 1;
}
