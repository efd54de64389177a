// Limits how many loads run at once while Redis can't be asked. Each key then misses in every process, and without a limit
// the source would get at once all the requests that the cache used to keep from it.

export interface LoadGate {
  /** Runs `load` when there is room; first come, first served. */
  pass<T>(load: () => Promise<T>): Promise<T>;
}

export function createLoadGate(maxLoads: number): LoadGate {
  const queue: (() => void)[] = [];
  let running = 0;
  return {
    async pass(load) {
      if (running >= maxLoads) await new Promise<void>((resolve) => queue.push(resolve));
      else running += 1;
      try {
        return await load();
      } finally {
        // The place is handed over, so that nobody who comes now is let in before those who wait.
        const next = queue.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
  };
}
