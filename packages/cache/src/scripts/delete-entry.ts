import { defineScript, type RedisClient } from '@sallyport/core';
import { releaseLua, type Release } from './release-lease.js';

/**
 * Removes a key's parts together with its fence, so that a fill which is running cannot bring the old value back,
 * and with its lease, so that the next load need not wait for that one.
 *
 * KEYS[1]  string, the fence
 * KEYS[2]  string, the part by which the key is known
 * KEYS[…]  string, its other parts; last, the lease
 * ARGV[1]  channel on which those who wait are called
 * ARGV[2]  message to them
 * Returns  1 KEYS[2] was there · 0 it was not
 * TTL      nothing is left
 */
const lua = /* lua */ `${releaseLua}
local known = redis.call('EXISTS', KEYS[2])
release(KEYS[#KEYS], '*', ARGV[1], ARGV[2])
redis.call('UNLINK', unpack(KEYS))
return known
`;

function parse(reply: unknown): boolean {
  if (reply !== 0 && reply !== 1) throw new TypeError('delete-entry: the reply is neither 0 nor 1');
  return reply === 1;
}

const script = defineScript({ name: 'delete-entry', lua, parse });

/** Runs the script; gives whether the first of `parts` was there. */
export function deleteEntry(
  redis: RedisClient,
  fence: string,
  parts: readonly string[],
  { key, channel, message }: Omit<Release, 'owner'>,
): Promise<boolean> {
  return script.run(redis, [fence, ...parts, key], [channel, message]);
}
