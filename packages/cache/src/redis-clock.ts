/** The time of Redis, as far as this process has heard it. */
export interface RedisClock {
  /** Milliseconds; the local clock as long as Redis has told nothing. */
  readonly now: () => number;
  readonly isClockKnown: () => boolean;
  /** Receives the time of Redis in ms. */
  readonly onTime: (timeMs: number) => void;
}

/** @param localNow wall clock in milliseconds */
export function createRedisClock(localNow: () => number = Date.now): RedisClock {
  let offsetMs: number | undefined;
  return {
    now: () => localNow() + (offsetMs ?? 0),
    isClockKnown: () => offsetMs !== undefined,
    onTime: (timeMs) => void (offsetMs = timeMs - localNow()),
  };
}
