import type { Redis } from 'ioredis';
import { algorithms, type AlgorithmName } from '../../src/algorithms/algorithms.js';
import type { Policy, Verdict } from '../../src/decision.js';

/** What a test may set of one run of a decision script. */
export interface DecisionArguments {
  /** Time in ms instead of the server's. */
  readonly now?: number;
  readonly isPeek?: boolean;
  readonly instance?: number;
  readonly sequence?: number;
  readonly oldest?: number;
}

let lastSequence = 0;

/** Runs an algorithm's script on `key`, by default as a new decision of one instance with no other unanswered. */
export function runDecision(
  redis: Redis,
  name: AlgorithmName,
  key: string,
  policy: Policy,
  given: DecisionArguments = {},
): Promise<Verdict> {
  lastSequence += 1;
  const { now, isPeek = false, instance = 1, sequence = lastSequence, oldest = sequence } = given;
  const args = [policy.limit, policy.windowMs, isPeek ? 0 : 1, instance, sequence, oldest];
  return algorithms[name].script.run(redis, [key], now === undefined ? args : [...args, now]);
}
