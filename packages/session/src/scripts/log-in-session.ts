import { defineScript } from '@sallyport/core';
import { LIFE } from './life.js';

/**
 * What became of a log-in, and which of the user's sessions had to end for it: `gone` when the session that it was to
 * replace has ended, `limit` when the user has too many, `taken` when another session has the id. Nothing is written then.
 */
export interface LogInResult {
  readonly status: 'done' | 'gone' | 'limit' | 'taken';
  readonly evicted: readonly string[];
  /** How many other live sessions the user has, of the newest hundred. */
  readonly otherSessionCount: number;
}

/**
 * Creates a user's session and lists it in the user's index; ends the session that it replaces, and those that are too
 * many. In one step, so that a listed session was always there, the old id is dead when the new one lives, and no number of
 * log-ins at once goes over the limit. Safe to run twice.
 *
 * It looks at the sessions in the index, whose keys share the slot but are known only here.
 *
 * KEYS[1]  session, hash
 * KEYS[2]  index of the user: sorted set of device ids by absolute end, ms
 * KEYS[3]  the replaced session; KEYS[1] again when there is none, or when it lies in another slot of a Cluster
 * KEYS[4]  epoch, string
 * ARGV[1]  user id
 * ARGV[2]  device id of the new session
 * ARGV[3]  device id of the replaced session, or ''
 * ARGV[4]  '1' when the replaced session must be a live one of this user
 * ARGV[5]  token of a creation that must find nothing, or ''
 * ARGV[6]  idle limit, ms
 * ARGV[7]  absolute limit, ms
 * ARGV[8]  how many sessions a user may have; 0 for any number
 * ARGV[9]  'evict-oldest' | 'evict-idlest' | 'refuse'
 * ARGV[10] bytes of KEYS[2] after its hash tag
 * ARGV[11] channel that is told of ends
 * ARGV[12] device label
 * ARGV[13] IP prefix
 * ARGV[14…] name and value of each kept field
 * Returns  {'done', number of other live sessions, device id of each evicted session, …} | {'gone'} | {'limit'} | {'taken'}
 * TTL      KEYS[1]: the smaller limit; KEYS[2]: the longest absolute end in it
 * Time     redis TIME
 */
export const logInSession = defineScript<LogInResult>({
  name: 'log-in-session',
  numberOfKeys: 4,
  lua: /* lua */ `${LIFE}
    local session, index, replaced, epochKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
    local userId, deviceId, replacedId, token, label, ipPrefix = ARGV[1], ARGV[2], ARGV[3], ARGV[5], ARGV[12], ARGV[13]
    local idleMs, absoluteMs, maxCount, policy = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
    local base, channel = string.sub(index, 1, -1 - tonumber(ARGV[10])), ARGV[11]
    local now, epoch = clock(), epochOf(epochKey)

    local before = lookUp(session, 'u', 'v')
    if token ~= '' and before[1] and not string.find(before[2] or '', token, 1, true) then
      return {'taken'}
    end
    -- Nobody else can have this id: it is this very log-in, sent a second time.
    if before[1] == userId then
      return {'done', 0}
    end
    if ARGV[4] == '1' then
      local values = lookUp(replaced, 'c', 'e', 'u')
      local _, status = lifeOf(values[1], values[2], absoluteMs, epoch, now)
      if status ~= 'live' or values[3] ~= userId then
        return {'gone'}
      end
    end

    -- Only what still lives counts: nobody tells the index when an idle session ends.
    local isIndex = redis.call('TYPE', index).ok == 'zset'
    local result, live = {'done', 0}, {}
    if maxCount > 0 and isIndex then
      for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
        local values = id == replacedId and {} or lookUp(base .. id, 'c', 'e', 'u', 's')
        local _, status = lifeOf(values[1], values[2], absoluteMs, epoch, now)
        if status == 'live' and values[3] == userId then
          live[#live + 1] = {id, timeOf(policy == 'evict-idlest' and values[4] or values[1]) or 0}
        end
      end
    end
    local excess = maxCount > 0 and #live + 1 - maxCount or 0
    if excess > 0 and policy == 'refuse' then
      return {'limit'}
    end

    -- From here on it writes.
    if not isIndex then
      redis.call('UNLINK', index)
    end
    table.sort(live, function(a, b) return a[2] < b[2] or a[2] == b[2] and a[1] < b[1] end)
    for i = 1, excess do
      local id = live[i][1]
      redis.call('UNLINK', base .. id)
      redis.call('ZREM', index, id)
      redis.pcall('PUBLISH', channel, id)
      result[#result + 1] = id
    end
    if replaced ~= session and redis.call('UNLINK', replaced) == 1 then
      redis.pcall('PUBLISH', channel, replacedId)
    end
    -- Later than the epoch also where the clock was put back since.
    local created = math.max(now, epoch + 1)
    local finish = created + absoluteMs
    redis.call('UNLINK', session)
    redis.call('HSET', session, 'c', created, 's', now, 'e', finish, 'u', userId, 'a', label, 'i', ipPrefix)
    if token ~= '' then
      redis.call('HSET', session, 'v', token)
    end
    for i = 14, #ARGV, 2 do
      redis.call('HSET', session, ARGV[i], ARGV[i + 1])
    end
    redis.call('PEXPIRE', session, math.min(idleMs, absoluteMs))

    -- Whatever is past its absolute end cannot live: the index stays as short as the sessions that may.
    redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
    if replacedId ~= '' then
      redis.call('ZREM', index, replacedId)
    end
    redis.call('ZADD', index, finish, deviceId)
    redis.call('PEXPIRE', index, math.max(finish - now, redis.call('PTTL', index)))
    -- For a notice only: unlike the limit it may miss a key whose slot is moving, and a log-in is not refused for it.
    result[2] = #live - math.max(excess, 0)
    if maxCount == 0 then
      for _, id in ipairs(redis.call('ZRANGE', index, -100, -1)) do
        local values = id == deviceId and {} or redis.pcall('HMGET', base .. id, 'c', 'e')
        local _, status = lifeOf(values[1], values[2], absoluteMs, epoch, now)
        if status == 'live' then
          result[2] = result[2] + 1
        end
      end
    end
    return result
  `,
  parse(reply) {
    const [status, others, ...evicted] = reply as [LogInResult['status'], number | undefined, ...string[]];
    return { status, evicted, otherSessionCount: others ?? 0 };
  },
});
