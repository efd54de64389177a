import { defineScript } from '@sallyport/core';
import { LIFE } from './life.js';

/**
 * Tells how long a session has to live if nobody uses it, without extending it.
 *
 * KEYS[1]  session, hash
 * KEYS[2]  epoch, string
 * ARGV[1]  absolute limit, ms
 * Returns  ms; 0 when it has ended
 * TTL      none is set: nothing is created
 * Time     redis TIME
 */
export const probeSession = defineScript<number>({
  name: 'probe-session',
  numberOfKeys: 2,
  lua: /* lua */ `${LIFE}
    local values = lookUp(KEYS[1], 'c', 'e')
    local leftMs = lifeOf(values[1], values[2], tonumber(ARGV[1]), epochOf(KEYS[2]), clock())
    return math.max(0, math.min(leftMs, redis.call('PTTL', KEYS[1])))
  `,
  parse: (reply) => Number(reply),
});
