// What `blocks` takes, and with what it does not go together: a permit is used some time after it was charged, which only
// algorithms bear that tell how long the charge counts beyond the window.

import { checkOptions, integer, refuse, type Check } from '@sallyport/core';
import type { Penalty } from './decide-command.js';
import { PACKAGE_NAME, type PolicySet } from './policies.js';

/** Permits of a hot key that a process charges together and then gives out without asking Redis. */
export interface BlockOptions {
  /** Permits of one block, 2 to 10 000, at most the smallest limit. */
  readonly size: number;
  /** How long a block is used at most, in milliseconds, 1 to 60 000; of a `ring` never longer than 1/120 of its window. @default 1000 */
  readonly holdMs?: number | undefined;
}

/** The checked option. */
export interface BlockSettings {
  readonly size: number;
  readonly holdMs: number;
}

const size = integer(2, 10_000);
const holdMs = integer(1, 60_000);

/** The check of the option alone. */
export const blocksCheck: Check<BlockSettings> = (value, site) => {
  const checks = {
    size,
    holdMs: (given: unknown, at: typeof site) => (given === undefined ? 1_000 : holdMs(given, at)),
  };
  return checkOptions(site.packageName, value, checks, 'blocks.');
};

/**
 * Checks the option against the rest; `set` is `undefined` when policies come with each request.
 *
 * @throws {OptionError} for a combination that would break what an algorithm promises
 */
export function checkBlocks(
  blocks: BlockSettings | undefined,
  set: PolicySet | undefined,
  penalty: Penalty | undefined,
): void {
  if (blocks === undefined) return;
  const option = { packageName: PACKAGE_NAME, option: 'blocks' };
  if (set === undefined) return refuse(option, 'left out when `policies` is a function', blocks);
  if (penalty !== undefined)
    refuse(option, 'left out when `penalty` is given: each rejection must reach Redis', blocks);
  for (const { name, algorithm, limit } of set.policies) {
    if (algorithm !== 'ring' && algorithm !== 'fixed-window') {
      const expected = `left out when a policy ('${name}') is a '${algorithm}': only 'ring' and 'fixed-window' keep their promise`;
      refuse(option, expected, blocks);
    }
    if (blocks.size > limit)
      refuse({ ...option, option: 'blocks.size' }, `at most the limit of '${name}', ${limit}`, blocks.size);
  }
}
