import { defineScript } from '@sallyport/core';
import { decodeFields, type StoredFields } from '../session-record.js';
import { LIFE } from './life.js';

/** `done`, `gone`, or what the session holds now: compute again. */
export type UpdateResult = 'done' | 'gone' | StoredFields;

/**
 * Writes the changed fields of a session if nobody has written to it since it had the expected version; else gives what it
 * holds now. Sessions have versions from their first update on: the first try always has to compute again.
 *
 * A version is 8 characters; the field keeps the last 16, the newest first. That makes it safe to run twice: a second run
 * finds its own token among them, also when others have written in between.
 *
 * KEYS[1]  session, hash
 * KEYS[2]  epoch, string
 * ARGV[1]  expected version, or ''
 * ARGV[2]  token: the version that this write makes
 * ARGV[3]  idle limit, ms
 * ARGV[4]  absolute limit, ms
 * ARGV[5]  number n of removed fields
 * ARGV[6…] n names of removed fields, then name and value of each changed field
 * Returns  {'done'} | {'gone'} | {'again', {name, value, …}}
 * TTL      KEYS[1]: the smaller of idle limit and time to the absolute end
 * Time     redis TIME
 */
export const updateSession = defineScript<UpdateResult>({
  name: 'update-session',
  numberOfKeys: 2,
  lua: /* lua */ `${LIFE}
    local session, epochKey = KEYS[1], KEYS[2]
    local expected, token, idleMs, absoluteMs = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
    local removedCount, now = tonumber(ARGV[5]), clock()

    local own = redis.call('HMGET', session, 'c', 'e', 'v', 'm')
    local leftMs, status = lifeOf(own[1], own[2], absoluteMs, epochOf(epochKey), now)
    if status ~= 'live' then
      redis.call('UNLINK', session)
      return {'gone'}
    end
    local version = own[3] or ''
    for i = 1, #version, 8 do
      if string.sub(version, i, i + 7) == token then
        return {'done'}
      end
    end
    if version == '' then
      redis.call('HSET', session, 'v', stamp())
    end
    if version == '' or string.sub(version, 1, 8) ~= expected then
      return {'again', redis.call('HGETALL', session)}
    end

    for i = 6, 5 + removedCount do
      redis.call('HDEL', session, ARGV[i])
    end
    for i = 6 + removedCount, #ARGV, 2 do
      redis.call('HSET', session, ARGV[i], ARGV[i + 1])
    end
    redis.call('HSET', session, 's', now, 'v', string.sub(token .. version, 1, 128))
    redis.call('PEXPIRE', session, math.min(idleOf(own[4], idleMs), leftMs))
    return {'done'}
  `,
  parse(reply) {
    const [status, fields] = reply as ['done' | 'gone' | 'again', string[] | undefined];
    if (status !== 'again') return status;
    return decodeFields(fields ?? []) ?? 'gone';
  },
});
