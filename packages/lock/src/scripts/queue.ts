// What the scripts on one resource have in common: who holds it, who waits for it, and how it changes hands. Three keys
// of one slot, and the fence:
//
//   holders  zset { owner → when its lease ends, ms }          queue  zset { owner → place in the line }
//   fence    hash { last, releasedBy }                         alive  zset { process → when it was last heard, ms }
//
// An owner is `<limit>:<process>:<random>`; its limit says how many leases there may be at a time, its own included: 1 for
// an exclusive lock, n for a semaphore, more than anybody counts for a shared (read) lock. The line is strictly first
// come, first served: who can't have the lock yet keeps all behind him waiting, so that readers don't starve a writer.
//
// A waiter whose turn has come is *called*: it holds the lock for CALL_MS, keeps its place, and is sent a message. When it
// asks within that time, the lock is its own. When it doesn't, either its whole process is silent — then all of its waiters
// are passed over, with their places kept, until it is heard again — or it has gone away, and loses its place.

/** How long a called waiter has to come for the lock: what a dead one costs at most, with the others' timers. */
export const CALL_MS = 900;
/** A process that was not heard for so long is passed over. Longer than the pause between two beats of a live one. */
export const SILENT_MS = 1_000;
/** A process that was not heard for so long loses its places. */
export const FORGET_MS = 10_000;
/** How long the last token is remembered. Afterwards the clock alone would have to be a day behind to repeat one. */
export const FENCE_TTL_MS = 86_400_000;
/** The limit of a shared lock. */
export const UNLIMITED = 1_000_000_000;
/** How many releasers are remembered, so that a release that is sent twice gets the same answer. */
const RELEASERS_CHARS = 1_024;

/** Names of the four keys, and the time in milliseconds (`now`) and microseconds (`micros`). */
export const stateLua = /* lua */ `
local holders, fence, queue, alive = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local now = math.floor(micros / 1000)
`;

/** What the scripts share, after {@link stateLua}; a script that needs none of it ends before. */
export const queueLua = /* lua */ `
local function parse(owner)
  local limit, process = string.match(owner, '^(%d+):([^:]+):')
  return tonumber(limit), process
end

local function keepFor(key, ms)
  if redis.call('PTTL', key) < ms then
    redis.call('PEXPIRE', key, ms)
  end
end

-- Ends the leases that are over. Of the called who did not come: is their process silent, or have they gone?
local function endLeases()
  for _, owner in ipairs(redis.call('ZRANGEBYSCORE', holders, '-inf', now)) do
    if redis.call('ZSCORE', queue, owner) then
      local _, process = parse(owner)
      local calledAt = tonumber(redis.call('ZSCORE', holders, owner)) - ${CALL_MS}
      local heardAt = tonumber(redis.call('ZSCORE', alive, process) or '0')
      if heardAt > calledAt then
        redis.call('ZREM', queue, owner)
      else
        redis.call('ZADD', alive, 'XX', 'LT', now - ${SILENT_MS}, process)
      end
    end
    redis.call('ZREM', holders, owner)
  end
end

local function mayHold(limit)
  local count = redis.call('ZCARD', holders)
  if count == 0 then
    return true
  end
  if count >= limit then
    return false
  end
  -- A single holder may be one that tolerates nobody.
  return count > 1 or string.sub(redis.call('ZRANGE', holders, 0, 0)[1], 1, 2) ~= '1:'
end

-- Calls the waiters whose turn has come; \`asker\` needs no message.
local function handOff(channelPrefix, asker)
  local from = 0
  while true do
    local waiters = redis.call('ZRANGE', queue, from, from + 7)
    if #waiters == 0 then
      return
    end
    for _, waiter in ipairs(waiters) do
      local limit, process = parse(waiter)
      local heardAt = tonumber(redis.call('ZSCORE', alive, process) or '0')
      if heardAt <= now - ${FORGET_MS} then
        redis.call('ZREM', queue, waiter)
      elseif heardAt <= now - ${SILENT_MS} or redis.call('ZSCORE', holders, waiter) then
        from = from + 1
      elseif mayHold(limit) then
        redis.call('ZADD', holders, now + ${CALL_MS}, waiter)
        -- Longer than the lease: whether a called waiter came must be seen, and not vanish with the key.
        keepFor(holders, ${CALL_MS} + ${FORGET_MS})
        if waiter ~= asker then
          -- A user without the right to this channel is no reason to stop half-way: the waiter asks by itself.
          redis.pcall('PUBLISH', channelPrefix .. process, waiter)
        end
        from = from + 1
      else
        return
      end
    end
  end
end
`;

/** The last releasers, as one text that does not grow. */
export const releasersLua = /* lua */ `
local function wasReleasedBy(owner)
  local releasers = redis.call('HGET', fence, 'releasedBy')
  return releasers and string.find(releasers, owner, 1, true)
end

local function noteRelease(owner)
  local state = redis.call('HMGET', fence, 'last', 'releasedBy')
  -- Without the fence (flushed) a field would begin a key that has no TTL.
  if state[1] then
    local releasers = owner .. ' ' .. (state[2] or '')
    -- Without memory for it (OOM) the lock is released all the same.
    redis.pcall('HSET', fence, 'releasedBy', string.sub(releasers, 1, ${RELEASERS_CHARS}))
  end
end
`;
