import { defineScript } from '@sallyport/core';

/**
 * Lengthens a lease if the owner still holds it: checking and lengthening apart could revive another owner's lock. Never
 * creates the lock and never shortens a lease. Safe to send twice.
 *
 *   KEYS[1] lock     hash { owner, token }
 *   ARGV[1] owner
 *   ARGV[2] leaseMs  the least that must remain
 *   Returns milliseconds that remain · -1 the owner does not hold the lock
 *   TTL     lock: leaseMs, or what was left when that is more
 */
export const extendScript = defineScript<number | undefined>({
  name: 'lock.extend',
  numberOfKeys: 1,
  lua: /* lua */ `
local lock = KEYS[1]
local owner, leaseMs = ARGV[1], tonumber(ARGV[2])

if redis.call('HGET', lock, 'owner') ~= owner then
  return -1
end
if redis.call('PTTL', lock) < leaseMs then
  redis.call('PEXPIRE', lock, leaseMs)
end
return redis.call('PTTL', lock)
`,
  parse: (reply) => (Number(reply) < 0 ? undefined : Number(reply)),
});
