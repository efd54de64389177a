import { defineScript } from '@sallyport/core';
import { LIFE } from './life.js';

/**
 * Revokes every session that was created up to now, however many there are: each script that meets one compares its time
 * with the epoch. Safe to run twice.
 *
 * KEYS[1]  epoch, string: ms
 * ARGV[1]  longest life of any session, ms
 * ARGV[2]  channel that is told of the end of all, or '' to tell nobody
 * Returns  1
 * TTL      KEYS[1]: the longest life; nothing that it revokes can live longer
 * Time     redis TIME; never earlier than before, also where the clock was put back
 */
export const advanceEpoch = defineScript<void>({
  name: 'advance-epoch',
  numberOfKeys: 1,
  lua: /* lua */ `${LIFE}
    local epochKey, longestMs, channel = KEYS[1], tonumber(ARGV[1]), ARGV[2]
    -- One more than before: sessions begun since, with a clock that was put back, have the time after the old epoch.
    local epoch = math.max(clock(), epochOf(epochKey) + 1)
    redis.call('SET', epochKey, string.format('%.0f', epoch), 'PX', longestMs)
    if channel ~= '' then
      redis.pcall('PUBLISH', channel, '*')
    end
    return 1
  `,
  parse: () => undefined,
});
