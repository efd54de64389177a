import { defineScript } from '@sallyport/core';

/** A lock that somebody holds. */
export interface HeldLock {
  /** Fencing token of the last grant: the holder's, or that of the latest of several holders. */
  readonly token: number;
  /** Milliseconds until the last of the leases ends, unless it is renewed. */
  readonly remainingMs: number;
  /** How many leases there are: 1, or more for semaphores and shared locks. */
  readonly holders: number;
  /** How many callers stand in the line. */
  readonly waiting: number;
}

/**
 * Reads token, remaining lease and the length of the line at one moment. Changes nothing; owners stay secret, for who
 * knows one can release.
 *
 *   KEYS[1] holders  zset   KEYS[2] fence  hash   KEYS[3] queue  zset, see queue.ts
 *   Returns { token, milliseconds that remain, holders, waiting } · nil nobody holds it
 *   TTL     unchanged
 *   Time    redis TIME
 */
export const inspectScript = defineScript<HeldLock | undefined>({
  name: 'lock.inspect',
  numberOfKeys: 3,
  lua: /* lua */ `
local holders, fence, queue = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local count = redis.call('ZCOUNT', holders, '(' .. now, '+inf')
if count == 0 then
  return nil
end
local last = redis.call('ZRANGE', holders, -1, -1, 'WITHSCORES')[2]
-- A called waiter stands in the line until it comes for the lock.
local waiting = 0
for _, owner in ipairs(redis.call('ZRANGE', queue, 0, -1)) do
  if not redis.call('ZSCORE', holders, owner) then
    waiting = waiting + 1
  end
end
return {redis.call('HGET', fence, 'last') or '0', last - now, count, waiting}
`,
  parse(reply) {
    if (reply === null) return undefined;
    const [token, remainingMs, holders, waiting] = reply as [string, number, number, number];
    return { token: Number(token), remainingMs, holders, waiting };
  },
});
