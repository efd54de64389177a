import { defineScript } from '@sallyport/core';
import { LIFE } from './life.js';

/** What became of a commit: `taken` is a new session whose id another session has. */
export type CommitResult = 'written' | 'renewed' | 'followed' | 'gone' | 'taken';

/**
 * Writes the changed fields of a session, and gives it its next id where one is due. Atomic with the question whether it
 * still exists: a session that was ended stays ended, whatever was on its way. Safe to run twice.
 *
 * KEYS[1]  session, hash
 * KEYS[2]  epoch, string
 * ARGV[1]  '1' when the session is new and may be created, '0' when it must exist
 * ARGV[2]  token of a creation that must find nothing, or ''
 * ARGV[3]  idle limit, ms
 * ARGV[4]  absolute limit, ms
 * ARGV[5]  proof of the present id
 * ARGV[6]  proof of the next id; '' to keep the present one
 * ARGV[7]  generation of the next id
 * ARGV[8]  number n of removed fields
 * ARGV[9…] n names of removed fields, then name and value of each changed field
 * Returns  'written' | 'renewed': written, and the next id holds | 'followed': so it did before | 'gone' | 'taken'
 * TTL      KEYS[1]: the smaller of idle limit and time to the absolute end
 * Time     redis TIME
 */
export const commitSession = defineScript<CommitResult>({
  name: 'commit-session',
  numberOfKeys: 2,
  lua: /* lua */ `${LIFE}
    local session, epochKey = KEYS[1], KEYS[2]
    local mayCreate, token, idleMs, absoluteMs = ARGV[1] == '1', ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
    local proof, nextProof, generation, removedCount = ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
    local now, epoch = clock(), epochOf(epochKey)

    local own = redis.call('HMGET', session, 'c', 'e', 'v', 'r')
    local created, finish, version, renewal = own[1], own[2], own[3], own[4]
    if not created or not finish then
      if not mayCreate then
        return 'gone'
      end
      -- Later than the epoch also where the clock was put back since.
      created = math.max(now, epoch + 1)
      finish = created + absoluteMs
      redis.call('HSET', session, 'c', created, 'e', finish)
      if token ~= '' then
        redis.call('HSET', session, 'v', token)
      end
    elseif mayCreate and token ~= '' and not string.find(version or '', token, 1, true) then
      return 'taken'
    elseif version and not mayCreate then
      -- The history of versions is there for update(): this change has to show in it.
      redis.call('HSET', session, 'v', string.sub(stamp() .. version, 1, 128))
    end
    local leftMs = lifeOf(created, finish, absoluteMs, epoch, now)
    if leftMs <= 0 then
      redis.call('UNLINK', session)
      return 'gone'
    end

    for i = 9, 8 + removedCount do
      redis.call('HDEL', session, ARGV[i])
    end
    for i = 9 + removedCount, #ARGV, 2 do
      redis.call('HSET', session, ARGV[i], ARGV[i + 1])
    end
    -- Of the requests that found the id due the first one renews it; one from before the last renewal changes nothing.
    local result = 'written'
    if nextProof ~= '' then
      local current = string.match(renewal or '', '^%d+ %d+ %d (%S*)') or ''
      if current == proof then
        redis.call('HSET', session, 'r', generation .. ' ' .. now .. ' 1 ' .. nextProof .. ' ' .. proof)
        result = 'renewed'
      elseif current == nextProof then
        result = 'followed'
      end
    end
    redis.call('HSET', session, 's', now)
    redis.call('PEXPIRE', session, math.min(idleOf(redis.call('HGET', session, 'm'), idleMs), leftMs))
    return result
  `,
  parse: (reply) => reply as CommitResult,
});
