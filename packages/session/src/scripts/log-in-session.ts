import { defineScript } from '@sallyport/core';

/**
 * Creates a user's session and lists it in the user's index; ends the session that it replaces. In one step, so that a
 * listed session was always there, and the old id is dead when the new one lives. Safe to run twice.
 *
 * KEYS[1]  session, hash
 * KEYS[2]  index of the user: sorted set of device ids by absolute end, ms
 * KEYS[3]  the replaced session; KEYS[1] again when there is none, or when it lies in another slot of a Cluster
 * ARGV[1]  user id
 * ARGV[2]  device id of the new session
 * ARGV[3]  device id of the replaced session, or ''
 * ARGV[4]  idle limit, ms
 * ARGV[5]  absolute limit, ms
 * ARGV[6]  device label
 * ARGV[7]  IP prefix
 * ARGV[8…] name and value of each kept field
 * Returns  1
 * TTL      KEYS[1]: the smaller limit; KEYS[2]: the longest absolute end in it
 * Time     redis TIME
 */
export const logInSession = defineScript<void>({
  name: 'log-in-session',
  numberOfKeys: 3,
  lua: /* lua */ `
    local session, index, replaced = KEYS[1], KEYS[2], KEYS[3]
    local userId, deviceId, replacedId, label, ipPrefix = ARGV[1], ARGV[2], ARGV[3], ARGV[6], ARGV[7]
    local idleMs, absoluteMs = tonumber(ARGV[4]), tonumber(ARGV[5])
    local clock = redis.call('TIME')
    local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
    local finish = now + absoluteMs

    if redis.call('TYPE', index).ok ~= 'zset' then
      redis.call('UNLINK', index)
    end
    if replaced ~= session then
      redis.call('UNLINK', replaced)
    end
    redis.call('HSET', session, 'c', now, 's', now, 'e', finish, 'u', userId, 'a', label, 'i', ipPrefix)
    for i = 8, #ARGV, 2 do
      redis.call('HSET', session, ARGV[i], ARGV[i + 1])
    end
    redis.call('PEXPIRE', session, math.min(idleMs, absoluteMs))

    -- Whatever is past its absolute end cannot live: the index stays as short as the sessions that may.
    redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
    if replacedId ~= '' then
      redis.call('ZREM', index, replacedId)
    end
    redis.call('ZADD', index, finish, deviceId)
    redis.call('PEXPIRE', index, math.max(absoluteMs, redis.call('PTTL', index)))
    return 1
  `,
  parse: () => undefined,
});
