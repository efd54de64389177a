import { defineScript } from '@sallyport/core';
import { decodeRecord, type SessionRecord } from '../session-record.js';
import { LIFE } from './life.js';

/**
 * A session, or why there is none: `expired`, `revoked` (all sessions were, at once) and `corrupt` ones have been removed;
 * `replay` is an id that was replaced longer ago than the grace window, `unissued` one that this session never had.
 */
export type ReadResult =
  SessionRecord | 'missing' | 'expired' | 'revoked' | 'corrupt' | 'replay' | 'unissued' | 'unreadable';

/**
 * Reads a session, checks its id and its limits and extends its idle time, in one step: so a reader can never extend a
 * session that was ended in between. Writes nothing while the last extension is younger than the touch window, but for
 * the first use of a renewed id, which it notes.
 *
 * KEYS[1]  session, hash
 * KEYS[2]  epoch, string
 * ARGV[1]  proof of the id: hash of its secret, '' for an id that was never renewed, '*' to take any
 * ARGV[2]  generation of the id
 * ARGV[3]  idle limit, ms
 * ARGV[4]  absolute limit, ms
 * ARGV[5]  touch window, ms; -1 to extend nothing
 * ARGV[6]  grace window of a replaced id, ms
 * ARGV[7]  '1' when a replay ends the session
 * ARGV[8]  channel that is told of the end
 * ARGV[9]  device id
 * Returns  {'live', ms until the absolute end, ms since the id is new, '1' in grace, {name, value, …}} | {status}
 * TTL      KEYS[1]: the smaller of idle limit and time to the absolute end
 * Time     redis TIME
 */
export const readSession = defineScript<ReadResult>({
  name: 'read-session',
  numberOfKeys: 2,
  lua: /* lua */ `${LIFE}
    local session, epochKey = KEYS[1], KEYS[2]
    local proof, generation, idleMs, absoluteMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
    local touchWindowMs, graceMs, isReplayFatal = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'

    local fields = redis.pcall('HGETALL', session)
    if fields.err and not string.find(fields.err, 'WRONGTYPE', 1, true) then
      return fields
    end
    if not fields.err and #fields == 0 then
      return {'missing'}
    end
    local own = {}
    for i = 1, #fields, 2 do
      if #fields[i] == 1 then
        own[fields[i]] = fields[i + 1]
      end
    end
    local now = clock()
    local leftMs, status = lifeOf(own.c, own.e, absoluteMs, epochOf(epochKey), now)
    if status ~= 'live' then
      redis.call('UNLINK', session)
      return {status}
    end

    -- "<generation> <renewed, ms> <1 until first used> <proof> <previous proof>"
    local current, renewed, unused, currentProof, previousProof =
      string.match(own.r or '0 ' .. own.c .. ' 0  ', '^(%d+) (%d+) (%d) (%S*) (%S*)$')
    current = tonumber(current)
    if not current then
      redis.call('UNLINK', session)
      return {'corrupt'}
    end
    local isGrace = false
    if proof ~= '*' and not (generation == current and proof == currentProof) then
      isGrace = generation == current - 1 and proof == previousProof and now <= renewed + graceMs
      if generation >= current then
        return {'unissued'}
      end
      if not isGrace then
        if isReplayFatal then
          redis.call('UNLINK', session)
          redis.pcall('PUBLISH', ARGV[8], ARGV[9])
        end
        return {'replay'}
      end
    elseif unused == '1' and proof ~= '*' then
      redis.call('HSET', session, 'r', current .. ' ' .. renewed .. ' 0 ' .. currentProof .. ' ' .. previousProof)
    end

    local wantedMs, ttlMs = math.min(idleOf(own.m, idleMs), leftMs), redis.call('PTTL', session)
    if touchWindowMs >= 0 and (ttlMs < wantedMs - touchWindowMs or ttlMs > wantedMs + touchWindowMs) then
      redis.call('PEXPIRE', session, wantedMs)
      redis.call('HSET', session, 's', now)
    end
    return {'live', leftMs, now - tonumber(renewed), isGrace and '1' or '0', fields}
  `,
  parse(reply) {
    const [status, leftMs, idAgeMs, isGrace, fields] = reply as [string, number, number, string, string[]];
    if (status !== 'live') return status as Exclude<ReadResult, SessionRecord>;
    if (!Array.isArray(fields)) throw new TypeError('read-session: unexpected reply');
    return decodeRecord({ leftMs, idAgeMs, isGrace: isGrace === '1' }, fields) ?? 'corrupt';
  },
});
