import { defineScript } from '@sallyport/core';
import { CALL_MS, FENCE_TTL_MS, FORGET_MS, queueLua, stateLua } from './queue.js';

/** A granted lease, or how long until one of the holders' leases ends; and which waiters of the same process are called. */
export type AcquireReply = { readonly called: readonly string[] } & (
  | { readonly isGranted: true; readonly token: number }
  | { readonly isGranted: false; readonly holderRemainingMs: number }
);

/** How many leases are looked at for waiters that were called. */
const LOOK_AT = 100;

/** What one call to {@link acquireScript} asks for. */
export interface AcquireRequest {
  readonly owner: string;
  readonly leaseMs: number;
  /** Stand in the line when the lock can't be had now. */
  readonly isWaiting: boolean;
  /** Start of the channels by which waiting processes are called. */
  readonly channelPrefix: string;
}

/** The text, which the model of the queue runs on a clock of its own. */
export const acquireLua = /* lua */ `${stateLua}
local owner, leaseMs, isWaiting, channelPrefix = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4]

local function grant()
  redis.call('ZADD', holders, now + leaseMs, owner)
  -- The counter alone would start again after a flush or a failover, the clock alone can step back: the larger one wins.
  local last = tonumber(redis.call('HGET', fence, 'last') or '0')
  local token = string.format('%.0f', math.max(last + 1, micros))
  redis.call('HSET', fence, 'last', token)
  redis.call('PEXPIRE', fence, ${FENCE_TTL_MS})
  return {1, token}
end

-- What is the case nearly always costs the least.
if redis.call('EXISTS', holders, queue) == 0 then
  local granted = grant()
  redis.call('PEXPIRE', holders, leaseMs)
  return granted
end
${queueLua}
local limit, process = parse(owner)

local function grantBeside()
  local granted = grant()
  keepFor(holders, leaseMs)
  return granted
end

local function hear(process)
  redis.call('ZREMRANGEBYSCORE', alive, '-inf', now - ${FORGET_MS})
  redis.call('ZADD', alive, now, process)
  redis.call('PEXPIRE', alive, ${FORGET_MS})
end

-- A message may have been lost, and the order in the process may be another: who asks is told which waiters of its
-- process were called and have not come yet.
local function withCalled(reply)
  for _, holder in ipairs(redis.call('ZRANGEBYSCORE', holders, now, now + ${CALL_MS}, 'LIMIT', 0, ${LOOK_AT})) do
    local _, other = parse(holder)
    if other == process and redis.call('ZSCORE', queue, holder) then
      reply[#reply + 1] = holder
    end
  end
  return reply
end

endLeases()
local isQueue = redis.call('EXISTS', queue) == 1
if redis.call('ZSCORE', holders, owner) then
  if isQueue then
    redis.call('ZREM', queue, owner)
    hear(process)
    return withCalled(grantBeside())
  end
  return grantBeside()
end
if not isQueue and mayHold(limit) then
  return grantBeside()
end

-- Who does not want to wait stands in the line for the length of this script: nobody overtakes.
if isQueue or isWaiting then
  hear(process)
  if not redis.call('ZSCORE', queue, owner) then
    local last = redis.call('ZRANGE', queue, -1, -1, 'WITHSCORES')[2]
    redis.call('ZADD', queue, tonumber(last or '0') + 1, owner)
  end
  redis.call('PEXPIRE', queue, ${FORGET_MS})
  handOff(channelPrefix, owner)
  local isCalled = redis.call('ZSCORE', holders, owner)
  if isCalled or not isWaiting then
    redis.call('ZREM', queue, owner)
  end
  if isCalled then
    return withCalled(grantBeside())
  end
end
local first = redis.call('ZRANGE', holders, 0, 0, 'WITHSCORES')[2]
return withCalled({0, first and tonumber(first) - now or 0})
`;

/**
 * Takes the lock when it is free and nobody waits for it, together with the next fencing token; else takes a place in the
 * line. In one step, so that no two owners get it, nobody overtakes, and tokens rise in the order of the grants. A called
 * waiter comes for its lock with the same script. Safe to send twice: the same owner gets the same lease, or keeps its place.
 *
 *   KEYS[1] holders  zset   KEYS[2] fence  hash   KEYS[3] queue  zset   KEYS[4] alive  zset, see queue.ts
 *   ARGV[1] owner    limit, process and a random id, one per attempt to get the lock
 *   ARGV[2] leaseMs
 *   ARGV[3] 1 to wait in the line, 0 not to
 *   ARGV[4] start of the channel names; the process follows
 *   Returns { 1, token, … } granted · { 0, milliseconds until the first lease ends, … } not granted · … called owners of
 *           the same process
 *   TTL     holders: leaseMs, 10 s longer when a waiter was called · fence: a day, when granted · queue, alive: 10 s
 *   Time    redis TIME
 */
export const acquireScript = defineScript<AcquireReply>({
  name: 'lock.acquire',
  numberOfKeys: 4,
  lua: acquireLua,
  parse(reply) {
    const [isGranted, value, ...called] = reply as [number, string | number, ...string[]];
    return isGranted === 1
      ? { isGranted: true, token: Number(value), called }
      : { isGranted: false, holderRemainingMs: Math.max(Number(value), 0), called };
  },
});

/** The arguments of {@link acquireScript}. */
export function acquireArguments(request: AcquireRequest): [string, number, number, string] {
  return [request.owner, request.leaseMs, request.isWaiting ? 1 : 0, request.channelPrefix];
}
