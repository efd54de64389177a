import { defineScript, type RedisClient } from '@sallyport/core';
import type { LeaseClaim } from './start-fill.js';

/**
 * Prolongs a lease for a load that goes on, if it is still the owner's: comparing and prolonging are one step.
 *
 * KEYS[1]  string, the lease
 * ARGV[1]  owner
 * ARGV[2]  duration, ms
 * Returns  1 prolonged · 0 it is over or another's
 * TTL      ARGV[2]
 */
const lua = /* lua */ `
local lease = redis.call('GET', KEYS[1])
if not lease or string.sub(lease, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`;

const script = defineScript({ name: 'renew-lease', numberOfKeys: 1, lua, parse: (reply) => reply === 1 });

/** Runs the script; gives whether the lease is still the owner's. */
export function renewLease(redis: RedisClient, { key, owner, leaseMs }: LeaseClaim): Promise<boolean> {
  return script.run(redis, [key], [owner, leaseMs]);
}
