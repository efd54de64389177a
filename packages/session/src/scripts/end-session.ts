import { defineScript } from '@sallyport/core';

/**
 * Ends a user's session and takes it off the index; leaves it alone when it belongs to somebody else. One step, so that
 * nobody is shown a session as revoked that still works. Safe to run twice.
 *
 * KEYS[1]  session, hash
 * KEYS[2]  index of the user, sorted set
 * ARGV[1]  device id
 * ARGV[2]  user id
 * Returns  1 ended | 0 there was no such session of this user
 * TTL      none is set: nothing is created
 */
export const endSession = defineScript<boolean>({
  name: 'end-session',
  numberOfKeys: 2,
  lua: /* lua */ `
    local session, index, deviceId, userId = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
    -- pcall: a key of a foreign type is no reason to keep a user from ending the sessions.
    redis.pcall('ZREM', index, deviceId)
    if redis.pcall('HGET', session, 'u') ~= userId then
      return 0
    end
    return redis.call('UNLINK', session)
  `,
  parse: (reply) => reply === 1,
});
