import { defineScript } from '@sallyport/core';

/** What stands under the key of a connect-redis session: nothing, one that another request is moving, or ours to move. */
export type LegacyClaim = { readonly state: 'none' | 'busy' } | { readonly state: 'claimed'; readonly json: string };

/**
 * Claims a session of connect-redis, so that of parallel requests one moves it. A claim ends by itself, in case that the
 * process that has it dies; so does the claimed session, soon after: it may have been moved already. It stays JSON that
 * connect-redis can read.
 *
 * KEYS[1]  session of connect-redis, string: JSON
 * ARGV[1]  how long the claim holds, ms
 * ARGV[2]  how long the claimed session stays, ms
 * Returns  nil | {'busy'} | {'claimed', JSON}
 * TTL      KEYS[1]: at most ARGV[2] when it was claimed, else as it is
 * Time     redis TIME
 */
export const claimLegacy = defineScript<LegacyClaim>({
  name: 'claim-legacy',
  numberOfKeys: 1,
  lua: /* lua */ `
    local legacy, claimMs, stayMs = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
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
      local ttlMs = redis.call('PTTL', legacy)
      redis.call('SET', legacy, '{"claimedAt":' .. string.format('%.0f', now) .. ',' .. string.sub(json, 2))
      redis.call('PEXPIRE', legacy, ttlMs > 0 and math.min(ttlMs, stayMs) or stayMs)
    end
    return {'claimed', json}
  `,
  parse(reply) {
    if (reply === null) return { state: 'none' };
    const [state, detail = ''] = reply as [string, string | undefined];
    return state === 'claimed' ? { state, json: detail } : { state: 'busy' };
  },
});
