import { defineScript } from '@sallyport/core';

/**
 * What stands under the key of a connect-redis session: nothing, one that another request is moving, or one that is ours to
 * move; `isSecond` when somebody began to before, and did not finish.
 */
export type LegacyClaim =
  | { readonly state: 'none' | 'busy' }
  | { readonly state: 'claimed'; readonly json: string; readonly isSecond: boolean };

/**
 * Claims a session of connect-redis, so that of parallel requests one moves it. A claim ends by itself, in case that the
 * process that has it dies. A claimed session stays JSON that connect-redis can read. Safe to run twice: the second run
 * waits for the first claim to end.
 *
 * KEYS[1]  session of connect-redis, string: JSON
 * ARGV[1]  how long the claim holds, ms
 * Returns  nil | {'busy'} | {'claimed', JSON, 1 when it was claimed before, or 0}
 * TTL      KEYS[1]: as it is
 * Time     redis TIME
 */
export const claimLegacy = defineScript<LegacyClaim>({
  name: 'claim-legacy',
  numberOfKeys: 1,
  lua: /* lua */ `
    local legacy, claimMs = KEYS[1], tonumber(ARGV[1])
    local json = redis.pcall('GET', legacy)
    if type(json) ~= 'string' then
      return false
    end
    local clock = redis.call('TIME')
    local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
    local claimed, rest = string.match(json, '^{"claimedAt":(%d+),(.*)$')
    if claimed and now - tonumber(claimed) < claimMs then
      return {'busy'}
    end
    if claimed then
      json = '{' .. rest
    end
    -- Without properties it is no session of connect-redis, which always stores the cookie.
    if string.match(json, '^{%s*"') then
      local marked = '{"claimedAt":' .. string.format('%.0f', now) .. ',' .. string.sub(json, 2)
      redis.call('SET', legacy, marked, 'KEEPTTL')
    end
    return {'claimed', json, claimed and 1 or 0}
  `,
  parse(reply) {
    if (reply === null) return { state: 'none' };
    const [state, json = '', isSecond] = reply as [string, string | undefined, number | undefined];
    return state === 'claimed' ? { state, json, isSecond: isSecond === 1 } : { state: 'busy' };
  },
});
