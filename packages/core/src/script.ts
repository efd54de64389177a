// Runs Lua scripts by their SHA and sends the text only when Redis does not know it. Nothing is defined on the client.

import { createHash } from 'node:crypto';
import type { RedisArgument, RedisClient } from './redis-client.js';

/** What a script is made of. */
export interface ScriptDefinition<Reply> {
  /** Name for errors and metrics, e.g. `consume`. */
  readonly name: string;
  /** How many keys it takes, all of one hash slot. @default any number */
  readonly numberOfKeys?: number;
  readonly lua: string;
  /** Turns the raw reply into a domain value; throws when the reply has another shape. */
  readonly parse: (reply: unknown) => Reply;
  /** Strings of the reply arrive as Buffers. @default false */
  readonly binary?: boolean;
}

/** A script that can be run on any client. */
export interface Script<Reply> {
  readonly name: string;
  readonly sha: string;
  run(redis: RedisClient, keys: readonly string[], args?: readonly RedisArgument[]): Promise<Reply>;
}

/**
 * Gives a runner for one atomic Redis operation: one `EVALSHA`, and an `EVAL` after it only when Redis answers
 * `NOSCRIPT` (after a restart, a failover or `SCRIPT FLUSH`).
 */
export function defineScript<Reply>(definition: ScriptDefinition<Reply>): Script<Reply> {
  const { name, numberOfKeys: expected, lua, parse, binary = false } = definition;
  const sha = createHash('sha1').update(lua).digest('hex');

  async function run(redis: RedisClient, keys: readonly string[], args: readonly RedisArgument[] = []): Promise<Reply> {
    const given = keys.length;
    if (given !== (expected ?? given)) throw new TypeError(`${name} takes ${expected} keys, got ${given}`);
    const call = binary ? redis.callBuffer.bind(redis) : redis.call.bind(redis);
    const rest = [given, ...keys, ...args];
    try {
      return parse(await call('evalsha', sha, ...rest));
    } catch (error) {
      // Only this error says that the script did not run. Repeating after any other could do its work twice.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return parse(await call('eval', lua, ...rest));
    }
  }

  return { name, sha, run };
}
