import { defineScript } from '@sallyport/core';
import type { Redis } from 'ioredis';
import { argumentsFor, repliedNumbers, type DecideCommand } from '../../src/decide-command.js';
import type { PolicySet } from '../../src/policies.js';
import { CLOCK, decideLua } from '../../src/scripts/decide.js';

const TTL = 'floor(ttl / 1000) + 1)';

// The script with its clock line replaced, so that tests say what time it is, and with a TTL that real time does not reach.
// The text that ships takes no time from outside.
const lua = decideLua.replace(CLOCK, 'local now = tonumber(table.remove(ARGV))').replace(TTL, '600000)');
if (lua.includes(TTL) || lua.includes('TIME')) throw new Error('The script has no such lines');

const scriptAt = defineScript({
  name: 'decide-at',
  numberOfKeys: 1,
  lua,
  binary: true,
  parse: repliedNumbers,
});

/** Runs the script on `key` as if the server's time were `now` µs. */
export function decideAt(
  redis: Redis,
  key: string,
  set: PolicySet,
  command: DecideCommand,
  now: number,
): Promise<number[]> {
  return scriptAt.run(redis, [key], [...argumentsFor(set, command), now]);
}
