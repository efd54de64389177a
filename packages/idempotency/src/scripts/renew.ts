import { defineScript } from '@sallyport/core';

/**
 * Lengthens the lease of a running request if the owner still has it: checking and lengthening apart could revive another
 * owner's lease. Never creates the record and never shortens a lease. Safe to send twice.
 *
 *   KEYS[1] record   hash { state, owner, leaseEnds, … }
 *   ARGV[1] owner
 *   ARGV[2] leaseMs  the least that must remain
 *   Returns milliseconds that remain · -1 the owner does not have it
 *   TTL     record: at least leaseMs
 *   Time    redis TIME
 */
export const renewScript = defineScript<number | undefined>({
  name: 'idempotency.renew',
  numberOfKeys: 1,
  lua: /* lua */ `
local record = KEYS[1]
local owner, leaseMs = ARGV[1], tonumber(ARGV[2])

local kept = redis.call('HMGET', record, 'state', 'owner', 'leaseEnds')
if kept[1] ~= 'running' or kept[2] ~= owner then
  return -1
end
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local leaseEnds = math.max(tonumber(kept[3]), nowMs + leaseMs)
redis.call('HSET', record, 'leaseEnds', string.format('%.0f', leaseEnds))
if redis.call('PTTL', record) < leaseMs then
  redis.call('PEXPIRE', record, leaseMs)
end
return leaseEnds - nowMs
`,
  parse: (reply) => (Number(reply) < 0 ? undefined : Number(reply)),
});
