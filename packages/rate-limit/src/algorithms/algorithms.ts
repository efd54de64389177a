import { bucket } from './bucket.js';
import { fixedWindow } from './fixed-window.js';
import { ring } from './ring.js';
import type { Rule } from './rule.js';
import { slidingLog } from './sliding-log.js';
import { slidingWindow } from './sliding-window.js';

/** Name of an algorithm. */
export type AlgorithmName =
  'ring' | 'token-bucket' | 'gcra' | 'fixed-window' | 'sliding-window' | 'sliding-log' | 'concurrency';

/** An algorithm: its number in the script's arguments, and its rule. `concurrency` has none: it counts the frame's leases. */
export interface Algorithm {
  readonly kind: number;
  readonly rule: Rule<unknown> | undefined;
}

/** The algorithms by the value of the option `algorithm`. */
export const algorithms: Readonly<Record<AlgorithmName, Algorithm>> = {
  ring: { kind: 1, rule: ring },
  'token-bucket': { kind: 2, rule: bucket },
  gcra: { kind: 2, rule: bucket },
  'fixed-window': { kind: 3, rule: fixedWindow },
  'sliding-window': { kind: 4, rule: slidingWindow },
  'sliding-log': { kind: 5, rule: slidingLog },
  concurrency: { kind: 6, rule: undefined },
};
