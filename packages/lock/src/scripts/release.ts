import { defineScript } from '@sallyport/core';

/**
 * What became of a release: done, or not, because the lease had `expired`, another owner has `taken` the lock, or Redis
 * was `unavailable` and the lock stays held until its lease ends.
 */
export type ReleaseResult =
  { readonly released: true } | { readonly released: false; readonly reason: 'expired' | 'taken' | 'unavailable' };

/**
 * Gives the lock back if the owner still holds it: checking and deleting apart could delete another owner's lock. Safe to
 * send twice: the fence remembers who released last, so the second time gives the first one's answer.
 *
 *   KEYS[1] lock     hash { owner, token }
 *   KEYS[2] fence    hash { last, releasedBy }
 *   ARGV[1] owner
 *   Returns 'released' · 'expired' nobody holds it · 'taken' another owner holds it
 *   TTL     lock: deleted · fence: unchanged
 */
export const releaseScript = defineScript<ReleaseResult>({
  name: 'lock.release',
  numberOfKeys: 2,
  lua: /* lua */ `
local lock, fence = KEYS[1], KEYS[2]
local owner = ARGV[1]

local holder = redis.call('HGET', lock, 'owner')
if holder == owner then
  redis.call('DEL', lock)
  -- Without the fence (flushed) a field would begin a key that has no TTL.
  if redis.call('EXISTS', fence) == 1 then
    redis.call('HSET', fence, 'releasedBy', owner)
  end
  return 'released'
end
if redis.call('HGET', fence, 'releasedBy') == owner then
  return 'released'
end
return holder and 'taken' or 'expired'
`,
  parse(reply) {
    if (reply === 'released') return { released: true };
    return { released: false, reason: reply === 'taken' ? 'taken' : 'expired' };
  },
});
