// One run of the handler for requests of this process that miss the same variant at the same time. What the run gives is
// shared only when it was stored: a response for one client is never handed to those who wait. Keys whose responses can't be
// shared are remembered for a while, so that their requests don't queue up behind one another.

import type { Stored } from './replay.js';

/** What a run gave. */
export type Outcome =
  /** May be given to those for whom `names` choose the same variant. */
  | {
      readonly kind: 'shared';
      readonly response: Stored;
      readonly names: readonly string[];
      readonly variant: string;
      readonly isStale: boolean;
    }
  /** Not to be shared, and the next one won't be, either. */
  | { readonly kind: 'uncacheable' }
  /** Nothing came of it. */
  | { readonly kind: 'failed' };

export interface Flights {
  /** The run to wait for; `undefined` when there is none, or it would be of no use. Never rejects. */
  join(key: string): Promise<Outcome> | undefined;
  /** Begins a run that others can join; gives the function that ends it, which counts once. */
  lead(key: string): (outcome: Outcome) => void;
}

const MAX_REMEMBERED = 10_000;
const FAILED: Outcome = { kind: 'failed' };

/** @param waitMs longest time to wait for another's run; 0 switches joining off */
export function createFlights(waitMs: number, uncacheableMs: number): Flights {
  const running = new Map<string, Promise<Outcome>>();
  const uncacheable = new Map<string, number>();

  function remember(key: string): void {
    uncacheable.delete(key);
    uncacheable.set(key, performance.now() + uncacheableMs);
    if (uncacheable.size <= MAX_REMEMBERED) return;
    for (const [oldest] of uncacheable) {
      uncacheable.delete(oldest);
      break;
    }
  }

  return {
    join(key) {
      const run = running.get(key);
      if (run === undefined || waitMs === 0) return undefined;
      const until = uncacheable.get(key);
      if (until !== undefined && performance.now() < until) return undefined;
      let timer: NodeJS.Timeout | undefined;
      const tooLong = new Promise<Outcome>((resolve) => {
        timer = setTimeout(resolve, waitMs, FAILED);
      });
      return Promise.race([run, tooLong]).finally(() => clearTimeout(timer));
    },
    lead(key) {
      let settle: ((outcome: Outcome) => void) | undefined;
      const run = new Promise<Outcome>((resolve) => {
        settle = resolve;
      });
      running.set(key, run);
      return (outcome) => {
        if (running.get(key) === run) running.delete(key);
        if (outcome.kind === 'uncacheable') remember(key);
        if (outcome.kind === 'shared') uncacheable.delete(key);
        settle?.(outcome);
      };
    },
  };
}
