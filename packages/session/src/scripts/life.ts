// What every script has to agree on: what time it is, and whether a session lives. Lua functions, put in front of the
// scripts that use them.

/**
 * `clock()`             now, ms, by the clock of Redis
 * `stamp()`             8 characters that differ from script to script: the microseconds of that clock
 * `timeOf(text)`         a time or span as it is stored, ms; nil for what is none: others may have written it
 * `idleOf(m, idleMs)`    the idle limit of a session that may have one of its own
 * `epochOf(key)`        sessions created up to this time, ms, have been revoked together; 0 when there never was such a day
 * `lookUp(key, …)`      fields of a session; none for a key of another type. Any other error ends the script before it
 *                       writes: a key in a slot that is moving to another node is not a dead session
 * `lifeOf(c, e, absoluteMs, epoch, now)`  ms left until the absolute end, and 'live' | 'expired' | 'revoked' | 'corrupt'
 */
export const LIFE = /* lua */ `
    local function clock()
      local time = redis.call('TIME')
      return time[1] * 1000 + math.floor(time[2] / 1000)
    end

    local function stamp()
      local time = redis.call('TIME')
      return string.format('%08x', math.fmod(time[1] * 1000000 + time[2], 4294967296))
    end

    local function timeOf(text)
      local number = tonumber(text or '')
      -- Not a number, infinity and fractions would be errors of the commands that they are given to.
      return number and number >= 0 and number <= 1e15 and number % 1 == 0 and number or nil
    end

    local function idleOf(m, idleMs)
      local own = timeOf(m)
      return own and own >= 1 and own or idleMs
    end

    local function epochOf(key)
      return timeOf(redis.call('GET', key)) or 0
    end

    local function lookUp(key, ...)
      local values = redis.pcall('HMGET', key, ...)
      if not values.err then
        return values
      end
      if string.find(values.err, 'WRONGTYPE', 1, true) then
        return {}
      end
      error(values.err)
    end

    local function lifeOf(c, e, absoluteMs, epoch, now)
      local created, finish = timeOf(c), timeOf(e)
      if not created or not finish then
        return 0, 'corrupt'
      end
      if created <= epoch then
        return 0, 'revoked'
      end
      -- The configured limit may have become shorter since the session began: it holds at once.
      local leftMs = math.min(finish, created + absoluteMs) - now
      return leftMs, leftMs > 0 and 'live' or 'expired'
    end
`;
