import { defineScript } from '@sallyport/core';
import { LIFE } from './life.js';

/**
 * Ends all sessions of a user but one, at once: no request of the user sees some of them ended and others not. Their keys
 * share the slot of the index but are known only here. Safe to run twice.
 *
 * KEYS[1]  index of the user, sorted set
 * ARGV[1]  user id
 * ARGV[2]  device id of the session that stays, or ''
 * ARGV[3]  bytes of KEYS[1] after its hash tag
 * ARGV[4]  channel that is told of ends
 * Returns  the device ids of those that lived
 * TTL      none is set: nothing is created
 */
export const endUserSessions = defineScript<string[]>({
  name: 'end-user-sessions',
  numberOfKeys: 1,
  lua: /* lua */ `${LIFE}
    local index, userId, spared = KEYS[1], ARGV[1], ARGV[2]
    local base, channel = string.sub(index, 1, -1 - tonumber(ARGV[3])), ARGV[4]
    local members = redis.pcall('ZRANGE', index, 0, -1)
    if members.err then
      return string.find(members.err, 'WRONGTYPE', 1, true) and {} or members
    end

    -- All are looked at before the first is ended: an error in between would leave half of them.
    local found = {}
    for _, id in ipairs(members) do
      if id ~= spared then
        found[#found + 1] = {id, lookUp(base .. id, 'u')[1] == userId}
      end
    end
    local ended = {}
    for _, entry in ipairs(found) do
      local id, isTheirs = entry[1], entry[2]
      redis.call('ZREM', index, id)
      if isTheirs then
        redis.call('UNLINK', base .. id)
        redis.pcall('PUBLISH', channel, id)
        ended[#ended + 1] = id
      end
    end
    return ended
  `,
  parse: (reply) => reply as string[],
});
