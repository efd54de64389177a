import { defineScript } from '@sallyport/core';

/**
 * Notes the network from which a logged-in session is used now, and tells whether it came back to one that it had left a
 * moment ago: then two networks use it at a time. A session that has ended stays ended. Safe to run twice.
 *
 * KEYS[1]  session, hash
 * ARGV[1]  network
 * ARGV[2]  how long ago the return counts as parallel use, ms
 * Returns  the other network | nil: the session moved on, did not move, or is gone
 * TTL      as it is: no key is created
 * Time     redis TIME
 */
export const noteNetwork = defineScript<string | undefined>({
  name: 'note-network',
  numberOfKeys: 1,
  lua: /* lua */ `
    local session, network, windowMs = KEYS[1], ARGV[1], tonumber(ARGV[2])
    local values = redis.pcall('HMGET', session, 'u', 'i', 'n', 'o', 'w')
    if values.err or not values[1] then
      return false
    end
    -- n: last network, o: the one before, w: when it was left.
    local last, left, leftMs = values[3] or values[2], values[4], tonumber(values[5] or '')
    if last == network then
      return false
    end
    local clock = redis.call('TIME')
    local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
    redis.call('HSET', session, 'n', network, 'o', last, 'w', now)
    if left == network and leftMs and now - leftMs <= windowMs then
      return last
    end
    return false
  `,
  parse: (reply) => (typeof reply === 'string' ? reply : undefined),
});
