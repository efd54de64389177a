import { defineScript } from '@sallyport/core';

/**
 * Makes all later tokens larger than this one, if the owner holds the lock: independent masters count for themselves, and
 * the next majority shares a node with this one. Never lowers the fence. Safe to send twice.
 *
 *   KEYS[1] holders  zset   KEYS[2] fence  hash, see queue.ts
 *   ARGV[1] owner
 *   ARGV[2] token
 *   Returns 1 done · 0 the owner does not hold the lock
 *   TTL     unchanged
 *   Time    redis TIME
 */
export const raiseFenceScript = defineScript<boolean>({
  name: 'lock.raise-fence',
  numberOfKeys: 2,
  lua: /* lua */ `
local holders, fence = KEYS[1], KEYS[2]
local owner, token = ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

if tonumber(redis.call('ZSCORE', holders, owner) or '0') <= now then
  return 0
end
if tonumber(redis.call('HGET', fence, 'last') or '0') < tonumber(token) then
  redis.call('HSET', fence, 'last', token)
end
return 1
`,
  parse: (reply) => reply === 1,
});
