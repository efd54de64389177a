// Counts cookies that name no session, per network, to tell of somebody who tries ids. In this process and in bounded
// memory: it is a signal, not a limit. A limit is a rate limiter's work.

/** How many such cookies of one network in one window are reported. */
const LIMIT = 20;
const WINDOW_MS = 60_000;
const MAX_NETWORKS = 10_000;

export interface GuessWatch {
  /** Notes a cookie that named no session; gives the count when it has just reached the limit. */
  note(network: string): number | undefined;
}

/** @param now monotonic clock in milliseconds */
export function createGuessWatch(now: () => number = () => performance.now()): GuessWatch {
  const counts = new Map<string, { startMs: number; count: number }>();
  return {
    note(network) {
      const nowMs = now();
      let entry = counts.get(network);
      if (entry === undefined || nowMs - entry.startMs >= WINDOW_MS) {
        // Deleted first, so that a Map's order is the order of the windows: the oldest leaves when there are too many.
        counts.delete(network);
        entry = { startMs: nowMs, count: 0 };
        counts.set(network, entry);
        const [oldest] = counts.keys();
        if (counts.size > MAX_NETWORKS && oldest !== undefined) counts.delete(oldest);
      }
      entry.count += 1;
      return entry.count === LIMIT ? LIMIT : undefined;
    },
  };
}
