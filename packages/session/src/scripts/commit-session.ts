import { defineScript } from '@sallyport/core';

/**
 * Writes the changed fields of a session. Atomic with the question whether it still exists: a session that was ended
 * stays ended, whatever was on its way. Safe to run twice.
 *
 * KEYS[1]  session, hash
 * ARGV[1]  '1' when the session is new and may be created, '0' when it must exist
 * ARGV[2]  idle limit, ms
 * ARGV[3]  absolute limit, ms
 * ARGV[4]  number n of removed fields
 * ARGV[5…] n names of removed fields, then name and value of each changed field
 * Returns  1 written | 0 the session is gone, nothing was written
 * TTL      KEYS[1]: the smaller of idle limit and time to the absolute end
 * Time     redis TIME
 */
export const commitSession = defineScript<boolean>({
  name: 'commit-session',
  numberOfKeys: 1,
  lua: /* lua */ `
    local session, mayCreate = KEYS[1], ARGV[1] == '1'
    local idleMs, absoluteMs, removedCount = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
    local clock = redis.call('TIME')
    local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

    local times = redis.call('HMGET', session, 'c', 'e')
    local created, finish = tonumber(times[1] or ''), tonumber(times[2] or '')
    if not created or not finish then
      if not mayCreate then
        return 0
      end
      created, finish = now, now + absoluteMs
      redis.call('HSET', session, 'c', created, 'e', finish)
    end
    local leftMs = math.min(finish, created + absoluteMs) - now
    if leftMs <= 0 then
      redis.call('UNLINK', session)
      return 0
    end

    for i = 5, 4 + removedCount do
      redis.call('HDEL', session, ARGV[i])
    end
    for i = 5 + removedCount, #ARGV, 2 do
      redis.call('HSET', session, ARGV[i], ARGV[i + 1])
    end
    redis.call('HSET', session, 's', now)
    redis.call('PEXPIRE', session, math.min(idleMs, leftMs))
    return 1
  `,
  parse: (reply) => reply === 1,
});
