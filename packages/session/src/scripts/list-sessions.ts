import { defineScript } from '@sallyport/core';
import { LIFE } from './life.js';

/** What a list shows of a session. */
export interface SessionDescription {
  readonly deviceId: string;
  readonly createdMs: number;
  readonly lastSeenMs: number;
  readonly label: string;
  readonly ipPrefix: string;
}

/**
 * Describes the live sessions of a user without extending them. The session is the authority: where it is gone, over or
 * not this user's, its entry leaves the index in the same step. The sessions' keys share the slot of the index but are
 * known only here.
 *
 * KEYS[1]  index of the user, sorted set
 * KEYS[2]  epoch, string
 * ARGV[1]  user id
 * ARGV[2]  absolute limit, ms
 * ARGV[3]  bytes of KEYS[1] after its hash tag
 * Returns  device id, created ms, last seen ms, label and IP prefix of each session, in one row
 * TTL      none is set: nothing is created
 * Time     redis TIME
 */
export const listSessions = defineScript<SessionDescription[]>({
  name: 'list-sessions',
  numberOfKeys: 2,
  lua: /* lua */ `${LIFE}
    local index, userId, absoluteMs = KEYS[1], ARGV[1], tonumber(ARGV[2])
    local base, now, epoch = string.sub(index, 1, -1 - tonumber(ARGV[3])), clock(), epochOf(KEYS[2])
    local members = redis.pcall('ZRANGE', index, 0, -1)
    if members.err then
      return string.find(members.err, 'WRONGTYPE', 1, true) and {} or members
    end
    local list, dead = {}, {}
    for _, id in ipairs(members) do
      local values = lookUp(base .. id, 'c', 's', 'e', 'u', 'a', 'i')
      local _, status = lifeOf(values[1], values[3], absoluteMs, epoch, now)
      if status == 'live' and values[4] == userId then
        for _, value in ipairs({id, values[1], values[2] or values[1], values[5] or '', values[6] or ''}) do
          list[#list + 1] = value
        end
      else
        dead[#dead + 1] = id
      end
    end
    for _, id in ipairs(dead) do
      redis.call('ZREM', index, id)
    end
    return list
  `,
  parse(reply) {
    const row = reply as string[];
    const list: SessionDescription[] = [];
    for (let at = 0; at + 4 < row.length; at += 5) {
      const [deviceId = '', created, lastSeen, label = '', ipPrefix = ''] = row.slice(at, at + 5);
      list.push({ deviceId, createdMs: Number(created), lastSeenMs: Number(lastSeen), label, ipPrefix });
    }
    return list;
  },
});
