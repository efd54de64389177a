// What can be asked about a client, and how it is put to the script.

import { defineScript, type RedisArgument } from '@sallyport/core';
import type { PolicySet } from './policies.js';
import { decideLua } from './scripts/decide.js';

/** A ban after repeated violations. */
export interface Penalty {
  /** So many rejections … */
  readonly strikes: number;
  /** … within this time after the first of them … */
  readonly windowMs: number;
  /** … ban the client for this long; twice as long each further time … */
  readonly banMs: number;
  /** … up to this, which is also how long after a ban the next one is a further one. */
  readonly maxBanMs: number;
}

/** One question or order. `id` is 8 characters of Latin-1. */
export type DecideCommand =
  | { readonly mode: 'consume' | 'peek'; readonly cost: number; readonly penalty?: Penalty | undefined }
  | {
      readonly mode: 'lease';
      readonly cost: number;
      readonly penalty?: Penalty | undefined;
      readonly id: string;
      readonly leaseMicros: number;
      /** What goes back when the lease ends by itself. */
      readonly refundable: number;
    }
  | { readonly mode: 'settle'; readonly cost: 0; readonly id: string; readonly actual: number }
  | { readonly mode: 'ban'; readonly cost: 0; readonly banMicros: number };

/** The script, whose reply is checked here and read by `verdict.ts`. */
export const decideScript = defineScript<readonly number[]>({
  name: 'decide',
  numberOfKeys: 1,
  lua: decideLua,
  binary: true,
  parse: repliedNumbers,
});

/** The numbers of a reply of the script. @throws {TypeError} when it has another shape */
export function repliedNumbers(reply: unknown): number[] {
  if (!Buffer.isBuffer(reply) || reply.length < 16 || reply.length % 8 !== 0) {
    throw new TypeError('decide: a reply of another shape');
  }
  const numbers: number[] = [];
  for (let at = 0; at < reply.length; at += 8) numbers.push(reply.readDoubleBE(at));
  return numbers;
}

/** The arguments of the script for `command`. */
export function argumentsFor(set: PolicySet, command: DecideCommand): RedisArgument[] {
  const { mode, cost } = command;
  const args: RedisArgument[] = [cost, set.packed];
  switch (mode) {
    case 'settle':
      return [...args, mode, Buffer.from(command.id, 'latin1'), command.actual];
    case 'ban':
      return [...args, mode, command.banMicros];
    case 'lease': {
      const id = Buffer.from(command.id, 'latin1');
      return [...args, mode, id, command.leaseMicros, packPenalty(command.penalty), command.refundable];
    }
    default:
      // The shortest form for what happens most often.
      if (mode === 'consume' && command.penalty === undefined) return args;
      return [...args, mode, '', '', packPenalty(command.penalty)];
  }
}

function packPenalty(penalty: Penalty | undefined): Buffer {
  if (penalty === undefined) return Buffer.alloc(0);
  const packed = Buffer.alloc(28);
  packed.writeUInt32BE(penalty.strikes);
  packed.writeDoubleBE(penalty.windowMs * 1000, 4);
  packed.writeDoubleBE(penalty.banMs * 1000, 12);
  packed.writeDoubleBE(penalty.maxBanMs * 1000, 20);
  return packed;
}
