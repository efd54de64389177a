import { defineScript } from '@sallyport/core';
import { queueLua, releasersLua, stateLua } from './queue.js';

/**
 * What became of a release: done, or not, because the lease had `expired`, another owner has `taken` the lock, or Redis
 * was `unavailable` and the lock stays held until its lease ends.
 */
export type ReleaseResult =
  { readonly released: true } | { readonly released: false; readonly reason: 'expired' | 'taken' | 'unavailable' };

/** The text, which the model of the queue runs on a clock of its own. */
export const releaseLua = /* lua */ `${stateLua}${releasersLua}
local owner, channelPrefix = ARGV[1], ARGV[2]

local endsAt = tonumber(redis.call('ZSCORE', holders, owner) or '0')
if endsAt > 0 then
  redis.call('ZREM', holders, owner)
end
if endsAt > now then
  noteRelease(owner)
end

local function result()
  if endsAt > now or wasReleasedBy(owner) then
    return 'released'
  end
  return redis.call('ZCOUNT', holders, now + 1, '+inf') > 0 and 'taken' or 'expired'
end

if redis.call('EXISTS', queue) == 0 then
  return result()
end
${queueLua}
redis.call('ZREM', queue, owner)
endLeases()
handOff(channelPrefix)
return result()
`;

/**
 * Gives the lock, or the place in the line, back if the owner still has it, and hands the lock to who is next: in one step,
 * so that nobody else's lock is freed and nobody gets in between. Safe to send twice: the fence remembers the last
 * releasers, so the second time gives the first one's answer.
 *
 *   KEYS[1] holders  zset   KEYS[2] fence  hash   KEYS[3] queue  zset   KEYS[4] alive  zset, see queue.ts
 *   ARGV[1] owner
 *   ARGV[2] start of the channel names; the process follows
 *   Returns 'released' · 'expired' nobody holds it · 'taken' another owner holds it
 *   TTL     holders: 10 s longer than the call when a waiter was called · the others: unchanged
 *   Time    redis TIME
 */
export const releaseScript = defineScript<ReleaseResult>({
  name: 'lock.release',
  numberOfKeys: 4,
  lua: releaseLua,
  parse(reply) {
    if (reply === 'released') return { released: true };
    return { released: false, reason: reply === 'taken' ? 'taken' : 'expired' };
  },
});
