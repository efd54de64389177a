import { defineScript } from '@sallyport/core';

/** A lock that somebody holds. */
export interface HeldLock {
  /** Fencing token of the holder. */
  readonly token: number;
  /** Milliseconds until the lease ends, unless it is renewed. */
  readonly remainingMs: number;
}

/**
 * Reads token and remaining lease at one moment. Changes nothing; the owner stays secret, for who knows it can release.
 *
 *   KEYS[1] lock     hash { owner, token }
 *   Returns { token, milliseconds that remain } · nil nobody holds it
 *   TTL     unchanged
 */
export const inspectScript = defineScript<HeldLock | undefined>({
  name: 'lock.inspect',
  numberOfKeys: 1,
  lua: /* lua */ `
local token = redis.call('HGET', KEYS[1], 'token')
if not token then
  return nil
end
return {token, redis.call('PTTL', KEYS[1])}
`,
  parse(reply) {
    if (reply === null) return undefined;
    const [token, remainingMs] = reply as [string, number];
    return { token: Number(token), remainingMs };
  },
});
