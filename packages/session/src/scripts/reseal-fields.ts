import { defineScript } from '@sallyport/core';

/**
 * Replaces values that a previous key had sealed by the same values sealed with the current key. Each only where it is
 * still what was read: a value that was written meanwhile stays. Safe to run twice.
 *
 * KEYS[1]  session, hash
 * ARGV[1…] name, value as it was read, new value
 * Returns  how many were replaced
 * TTL      as it is: no key is created
 */
export const resealFields = defineScript<number>({
  name: 'reseal-fields',
  numberOfKeys: 1,
  lua: /* lua */ `
    local session, replaced = KEYS[1], 0
    for i = 1, #ARGV, 3 do
      if redis.pcall('HGET', session, ARGV[i]) == ARGV[i + 1] then
        redis.call('HSET', session, ARGV[i], ARGV[i + 2])
        replaced = replaced + 1
      end
    end
    return replaced
  `,
  parse: Number,
});
