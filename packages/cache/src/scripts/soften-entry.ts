import { defineScript, type RedisClient } from '@sallyport/core';
import { SOFT_AT } from '../frame.js';
import { releaseLua, type Release } from './release-lease.js';
import { softenLua } from './soften-versions.js';

/**
 * Makes a key's parts stale and turns away the fills that are running: what they load is from before. The time is written
 * into the frames in place; an earlier one stays, since stale they have been from then on.
 *
 * KEYS[1]  string, the fence
 * KEYS[2]  string, the part by which the key is known
 * KEYS[…]  string, its other parts; last, the lease
 * ARGV[1]  random text, makes the new version unique
 * ARGV[2]  channel on which those who wait are called
 * ARGV[3]  message to them
 * Returns  1 KEYS[2] was there · 0 it was not
 * TTL      unchanged
 */
const lua = /* lua */ `${releaseLua}${softenLua}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('EXISTS', KEYS[2])
soften(KEYS[1], now, ARGV[1])
for i = 2, #KEYS - 1 do
  local softAt = redis.pcall('GETRANGE', KEYS[i], ${SOFT_AT}, ${SOFT_AT + 12})
  if softAt == '0000000000000' then redis.call('SETRANGE', KEYS[i], ${SOFT_AT}, string.format('%013.0f', now)) end
end
release(KEYS[#KEYS], '*', ARGV[2], ARGV[3])
return known
`;

function parse(reply: unknown): boolean {
  if (reply !== 0 && reply !== 1) throw new TypeError('soften-entry: the reply is neither 0 nor 1');
  return reply === 1;
}

const script = defineScript({ name: 'soften-entry', lua, parse });

/** Runs the script; gives whether the first of `parts` was there. */
export function softenEntry(
  redis: RedisClient,
  fence: string,
  parts: readonly string[],
  random: string,
  { key, channel, message }: Omit<Release, 'owner'>,
): Promise<boolean> {
  return script.run(redis, [fence, ...parts, key], [random, channel, message]);
}
