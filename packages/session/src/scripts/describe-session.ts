import { defineScript } from '@sallyport/core';

/** What a list shows of a session. */
export interface SessionDescription {
  readonly createdMs: number;
  readonly lastSeenMs: number;
  readonly label: string;
  readonly ipPrefix: string;
}

/**
 * Describes one session of a user's index without extending it. The session is the authority: when it is gone, past its
 * end or not this user's, its entry leaves the index in the same step.
 *
 * KEYS[1]  session, hash
 * KEYS[2]  index of the user, sorted set
 * ARGV[1]  device id
 * ARGV[2]  user id
 * ARGV[3]  absolute limit, ms
 * Returns  {created ms, last seen ms, label, IP prefix} | nil
 * TTL      none is set: nothing is created
 * Time     redis TIME
 */
export const describeSession = defineScript<SessionDescription | undefined>({
  name: 'describe-session',
  numberOfKeys: 2,
  lua: /* lua */ `
    local session, index, deviceId, userId, absoluteMs = KEYS[1], KEYS[2], ARGV[1], ARGV[2], tonumber(ARGV[3])
    local values = redis.pcall('HMGET', session, 'c', 's', 'e', 'u', 'a', 'i')
    local created, finish = tonumber(values[1] or ''), tonumber(values[3] or '')
    local clock = redis.call('TIME')
    local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
    local isLive = created and finish and values[4] == userId and math.min(finish, created + absoluteMs) > now
    if not isLive then
      redis.call('ZREM', index, deviceId)
      return false
    end
    return {values[1], values[2], values[5], values[6]}
  `,
  parse(reply) {
    if (reply === null) return undefined;
    const [created, lastSeen, label, ipPrefix] = reply as (string | null)[];
    return {
      createdMs: Number(created),
      lastSeenMs: Number(lastSeen ?? created),
      label: label ?? '',
      ipPrefix: ipPrefix ?? '',
    };
  },
});
