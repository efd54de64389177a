import type { Script } from '@sallyport/core';
import type { Policy, Verdict } from '../decision.js';
import { consumeFixedWindow } from '../scripts/consume-fixed-window.js';
import { consumeSlidingWindow } from '../scripts/consume-sliding-window.js';
import { consumeTokenBucket } from '../scripts/consume-token-bucket.js';
import type { Counter } from './counter.js';
import { FixedWindow } from './fixed-window.js';
import { SlidingWindow } from './sliding-window.js';
import { TokenBucket } from './token-bucket.js';

/** One algorithm in its two forms. */
export interface Algorithm {
  /**
   * Stands in the Redis key. State of another algorithm is never read, also while old and new processes run side by side;
   * a new layout of the value takes a new code.
   */
  readonly code: string;
  readonly script: Script<Verdict>;
  readonly createCounter: (policy: Policy) => Counter;
}

/** The algorithms by the value of the option `algorithm`. */
export const algorithms = {
  'sliding-window': {
    code: 'sw',
    script: consumeSlidingWindow,
    createCounter: (policy) => new SlidingWindow(policy),
  },
  'fixed-window': { code: 'fw', script: consumeFixedWindow, createCounter: (policy) => new FixedWindow(policy) },
  'token-bucket': { code: 'tb', script: consumeTokenBucket, createCounter: (policy) => new TokenBucket(policy) },
} as const satisfies Record<string, Algorithm>;

/** Name of an algorithm. */
export type AlgorithmName = keyof typeof algorithms;
