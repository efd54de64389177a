import { defineScript } from '@sallyport/core';
import { decodeRecord, type SessionRecord } from '../session-record.js';

/** A session, or why there is none. `expired` and `corrupt` ones have been removed. */
export type ReadResult = SessionRecord | 'missing' | 'expired' | 'corrupt';

/**
 * Reads a session, checks both of its limits and extends its idle time, in one step: so a reader can never extend a
 * session that was ended in between. Writes nothing while the last extension is younger than the touch window.
 *
 * KEYS[1]  session, hash
 * ARGV[1]  idle limit, ms
 * ARGV[2]  absolute limit, ms
 * ARGV[3]  touch window, ms
 * Returns  {'live', ms until the absolute end, {name, value, …}} | {'missing'} | {'expired'} | {'corrupt'}
 * TTL      KEYS[1]: the smaller of idle limit and time to the absolute end
 * Time     redis TIME
 */
export const readSession = defineScript<ReadResult>({
  name: 'read-session',
  numberOfKeys: 1,
  lua: /* lua */ `
    local session = KEYS[1]
    local idleMs, absoluteMs, touchWindowMs = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

    local fields = redis.pcall('HGETALL', session)
    if not fields.err and #fields == 0 then
      return {'missing'}
    end
    local times = fields.err and {} or redis.call('HMGET', session, 'c', 'e')
    local created, finish = tonumber(times[1] or ''), tonumber(times[2] or '')
    if not created or not finish then
      redis.call('UNLINK', session)
      return {'corrupt'}
    end

    local clock = redis.call('TIME')
    local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
    -- The configured limit may have become shorter since the session began: it holds at once.
    local leftMs = math.min(finish, created + absoluteMs) - now
    if leftMs <= 0 then
      redis.call('UNLINK', session)
      return {'expired'}
    end

    local wantedMs, ttlMs = math.min(idleMs, leftMs), redis.call('PTTL', session)
    if ttlMs < wantedMs - touchWindowMs or ttlMs > wantedMs + touchWindowMs then
      redis.call('PEXPIRE', session, wantedMs)
      redis.call('HSET', session, 's', now)
    end
    return {'live', leftMs, fields}
  `,
  parse(reply) {
    const [status, leftMs, fields] = reply as [string, number, string[]];
    if (status === 'missing' || status === 'expired' || status === 'corrupt') return status;
    if (status !== 'live' || !Array.isArray(fields)) throw new TypeError('read-session: unexpected reply');
    return decodeRecord(leftMs, fields) ?? 'corrupt';
  },
});
