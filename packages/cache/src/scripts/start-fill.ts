import { randomBytes } from 'node:crypto';
import { defineScript, type RedisClient } from '@sallyport/core';

/** Versions as they stood before the load. */
export interface HeldVersions {
  /** Redis time in milliseconds. */
  readonly timeMs: number;
  /** One per key, in order. */
  readonly versions: readonly string[];
}

/**
 * Reads the versions under which a load begins and creates those that are missing, in one step: a purge before it is in
 * the versions, a purge after it changes them.
 *
 * KEYS[…]  string, versions of one hash slot: fence, generation, tags
 * ARGV[1]  how long each must live at least, ms
 * ARGV[2]  1: replace the version in KEYS[1], which turns every running fill away; 0: share it
 * ARGV[3]  random text, makes new versions unique
 * Returns  [Redis time in ms, version of KEYS[1], version of KEYS[2], …]
 * TTL      raised to ARGV[1] where it is shorter. Versions are made of the server's time, so a call that is executed twice
 *          because its reply was lost never brings back a version that was purged in between.
 */
const lua = /* lua */ `
local hold = tonumber(ARGV[1])
local replace = ARGV[2] == '1'
local now = redis.call('TIME')
local fresh = now[1] .. '.' .. now[2] .. '-' .. ARGV[3]
local reply = { now[1] * 1000 + math.floor(now[2] / 1000) }
for i, key in ipairs(KEYS) do
  local version = redis.call('GET', key)
  if not version or (i == 1 and replace) then
    version = fresh
    redis.call('SET', key, version, 'PX', hold)
  elseif redis.call('PTTL', key) < hold then
    redis.call('PEXPIRE', key, hold)
  end
  reply[i + 1] = version
end
return reply
`;

function parse(reply: unknown): HeldVersions {
  if (!Array.isArray(reply)) throw new TypeError('start-fill: the reply is no array');
  const [timeMs, ...versions] = reply as unknown[];
  if (typeof timeMs !== 'number' || !versions.every((version) => typeof version === 'string')) {
    throw new TypeError('start-fill: the reply has another shape');
  }
  return { timeMs, versions };
}

const script = defineScript({ name: 'start-fill', lua, parse });

/** Runs the script on `keys`, all of one slot. */
export function startFill(
  redis: RedisClient,
  keys: readonly string[],
  options: { readonly holdMs: number; readonly replacesFirst: boolean },
): Promise<HeldVersions> {
  const random = randomBytes(6).toString('base64url');
  return script.run(redis, keys, [options.holdMs, options.replacesFirst ? 1 : 0, random]);
}
