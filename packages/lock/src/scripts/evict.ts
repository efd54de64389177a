import { defineScript } from '@sallyport/core';
import { queueLua, stateLua } from './queue.js';

/**
 * Takes the lock from whoever holds it and hands it to who is next: in one step, so that those who wait are not passed by.
 * Safe to send twice, but the second time takes it from the next one; it is for people.
 *
 *   KEYS[1] holders  zset   KEYS[2] fence  hash   KEYS[3] queue  zset   KEYS[4] alive  zset, see queue.ts
 *   ARGV[1] start of the channel names; the process follows
 *   Returns number of leases that were ended
 *   TTL     holders: deleted, or 10 s longer than the call when a waiter was called · the others: unchanged
 *   Time    redis TIME
 */
export const evictScript = defineScript<number>({
  name: 'lock.evict',
  numberOfKeys: 4,
  lua: /* lua */ `${stateLua}${queueLua}
endLeases()
local count = redis.call('ZCARD', holders)
for _, owner in ipairs(redis.call('ZRANGE', holders, 0, -1)) do
  -- One that was called and has not come yet loses its place too.
  redis.call('ZREM', queue, owner)
end
redis.call('DEL', holders)
handOff(ARGV[1])
return count
`,
  parse: Number,
});
