import { defineScript } from '@sallyport/core';

/** A granted lease, or how long the holder's lasts. */
export type AcquireReply =
  | { readonly isGranted: true; readonly token: number }
  | { readonly isGranted: false; readonly holderRemainingMs: number };

/** How long the last token is remembered. Afterwards the clock alone would have to be a day behind to repeat one. */
const FENCE_TTL_MS = 86_400_000;

/**
 * Takes the lock when it is free, together with the next fencing token: in one step, so that no two owners get it and
 * tokens rise in the order of the grants. Safe to send twice: the same owner gets the same lease again.
 *
 *   KEYS[1] lock     hash { owner, token }
 *   KEYS[2] fence    hash { last, releasedBy }
 *   ARGV[1] owner    random, one per attempt to get the lock
 *   ARGV[2] leaseMs
 *   ARGV[3] fenceTtlMs
 *   Returns { 1, token } granted · { 0, milliseconds that the holder's lease lasts } held
 *   TTL     lock: leaseMs · fence: fenceTtlMs, when granted
 *   Time    redis TIME
 */
export const acquireScript = defineScript<AcquireReply>({
  name: 'lock.acquire',
  numberOfKeys: 2,
  lua: /* lua */ `
local lock, fence = KEYS[1], KEYS[2]
local owner, leaseMs, fenceTtlMs = ARGV[1], ARGV[2], ARGV[3]

local holder = redis.call('HGET', lock, 'owner')
if holder == owner then
  redis.call('PEXPIRE', lock, leaseMs)
  return {1, redis.call('HGET', lock, 'token')}
end
if holder then
  return {0, redis.call('PTTL', lock)}
end

-- The counter alone would start again after a flush or a failover, the clock alone can step back: the larger one wins.
local time = redis.call('TIME')
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = tonumber(redis.call('HGET', fence, 'last') or '0')
local token = string.format('%.0f', math.max(last + 1, micros))

redis.call('HSET', lock, 'owner', owner, 'token', token)
redis.call('PEXPIRE', lock, leaseMs)
redis.call('HSET', fence, 'last', token)
redis.call('PEXPIRE', fence, fenceTtlMs)
return {1, token}
`,
  parse(reply) {
    const [isGranted, value] = reply as [number, string | number];
    return isGranted === 1
      ? { isGranted: true, token: Number(value) }
      : { isGranted: false, holderRemainingMs: Math.max(Number(value), 0) };
  },
});

/** The arguments of {@link acquireScript}. */
export function acquireArguments(owner: string, leaseMs: number): [string, number, number] {
  return [owner, leaseMs, FENCE_TTL_MS];
}
