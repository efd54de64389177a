import { defineScript, type RedisClient } from '@sallyport/core';

/** A lease to give up, and whom to call. */
export interface Release {
  readonly key: string;
  /** `'*'`: whoever holds it. */
  readonly owner: string;
  readonly channel: string;
  /** Names the lease to those who wait. */
  readonly message: string;
}

/**
 * Lua: `release(key, owner, channel, message)`. Nobody is called when nobody waits. A user who may not PUBLISH loses the
 * call, not the script: those who wait look again when the lease is over.
 */
export const releaseLua = /* lua */ `
local function release(key, owner, channel, message)
  local lease = redis.call('GET', key)
  if not lease or (owner ~= '*' and string.sub(lease, 1, #owner) ~= owner) then return end
  redis.call('UNLINK', key)
  if string.sub(lease, -1) == '!' then redis.pcall('PUBLISH', channel, message) end
end
`;

/**
 * Gives up a lease without a value: the load failed.
 *
 * KEYS[1]  string, the lease
 * ARGV[1]  owner, or '*'
 * ARGV[2]  channel to call on
 * ARGV[3]  message
 * Returns  1
 * TTL      nothing is left
 */
const lua = /* lua */ `${releaseLua}
release(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
return 1
`;

const script = defineScript({ name: 'release-lease', numberOfKeys: 1, lua, parse: () => undefined });

/** Runs the script. */
export function releaseLease(redis: RedisClient, { key, owner, channel, message }: Release): Promise<void> {
  return script.run(redis, [key], [owner, channel, message]);
}
