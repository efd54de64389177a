import { defineScript } from '@sallyport/core';

/**
 * Ends a session and takes it off the user's index; where a user is named, only if it is this user's. One step, so that
 * nobody is shown a session as revoked that still works. Safe to run twice.
 *
 * KEYS[1]  session, hash
 * KEYS[2]  index of the user, sorted set; KEYS[1] again when the user is not known
 * ARGV[1]  device id
 * ARGV[2]  user id, or '' for whoever's session
 * ARGV[3]  channel that is told of the end
 * Returns  1 ended | 0 there was no such session (of this user)
 * TTL      none is set: nothing is created
 */
export const endSession = defineScript<boolean>({
  name: 'end-session',
  numberOfKeys: 2,
  lua: /* lua */ `
    local session, index, deviceId, userId, channel = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
    if userId ~= '' then
      -- pcall: a key of a foreign type is no reason to keep a user from ending the sessions.
      if redis.pcall('HGET', session, 'u') ~= userId then
        return 0
      end
      redis.pcall('ZREM', index, deviceId)
    end
    local ended = redis.call('UNLINK', session)
    if ended == 1 then
      redis.pcall('PUBLISH', channel, deviceId)
    end
    return ended
  `,
  parse: (reply) => reply === 1,
});
