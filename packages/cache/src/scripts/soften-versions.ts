import { defineScript, type RedisClient } from '@sallyport/core';

/**
 * Lua: `soften(key, now, random)` marks the version in `key`, see versions.ts. Where there is none, nothing was made under
 * it that is still valid.
 */
export const softenLua = /* lua */ `
local function soften(key, now, random)
  local version = redis.call('GET', key)
  if not version then return end
  local hard = string.match(version, '^[^~]*')
  redis.call('SET', key, hard .. '~' .. string.format('%.0f', now) .. '-' .. random, 'KEEPTTL')
end
`;

/**
 * Makes what was made under the versions stale, and turns away the fills that hold them: what they load is from before.
 *
 * KEYS[…]  string, versions
 * ARGV[1]  random text, makes the new versions unique
 * Returns  1
 * TTL      unchanged
 */
const lua = /* lua */ `${softenLua}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, #KEYS do soften(KEYS[i], now, ARGV[1]) end
return 1
`;

const script = defineScript({ name: 'soften-versions', lua, parse: () => undefined });

/** Runs the script. */
export function softenVersions(redis: RedisClient, keys: readonly string[], random: string): Promise<void> {
  return script.run(redis, keys, [random]);
}
