import { defineScript } from '@sallyport/core';

/** How many leases one call renews: more would hold up Redis for others. */
export const MAX_BATCH = 100;

/**
 * Lengthens leases whose owners still hold them: checking and lengthening apart could revive another owner's lock. Never
 * begins a lease and never shortens one. All keys of one call share a slot. Safe to send twice.
 *
 *   KEYS[i]       holders  zset { owner → when its lease ends, ms }
 *   ARGV[2i - 1]  owner
 *   ARGV[2i]      leaseMs  the least that must remain
 *   Returns for each key: milliseconds that remain · -1 the owner does not hold the lock
 *   TTL     holders: leaseMs, or what was left when that is more
 *   Time    redis TIME
 */
export const extendScript = defineScript<(number | undefined)[]>({
  name: 'lock.extend',
  lua: /* lua */ `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local remaining = {}
for index, holders in ipairs(KEYS) do
  local owner, leaseMs = ARGV[2 * index - 1], tonumber(ARGV[2 * index])
  -- A key that is something else now is not ours, and must not keep the others from being renewed.
  local score = redis.pcall('ZSCORE', holders, owner)
  local endsAt = type(score) == 'string' and tonumber(score) or 0
  if endsAt <= now then
    remaining[index] = -1
  else
    if endsAt < now + leaseMs then
      endsAt = now + leaseMs
      redis.call('ZADD', holders, endsAt, owner)
      if redis.call('PTTL', holders) < leaseMs then
        redis.call('PEXPIRE', holders, leaseMs)
      end
    end
    remaining[index] = endsAt - now
  end
end
return remaining
`,
  parse: (reply) => (reply as number[]).map((remainingMs) => (remainingMs < 0 ? undefined : remainingMs)),
});
