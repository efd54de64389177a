import { randomBytes } from 'node:crypto';
import { defineScript, type RedisClient } from '@sallyport/core';
import { HEADER_BYTES } from '../frame.js';

/** Versions as they stood before the load. */
export interface HeldVersions {
  /** Redis time in milliseconds. */
  readonly timeMs: number;
  /** One per key, in order. */
  readonly versions: readonly string[];
  /** Set when another loads under the same versions: what is left of its lease, ms. */
  readonly leasedMs?: number;
}

/** A wish to be the only one who loads. */
export interface LeaseClaim {
  readonly key: string;
  /** Different for each attempt. */
  readonly owner: string;
  readonly leaseMs: number;
  /** Keys of the entry that were read, and the header of each as it was then, one after the other. */
  readonly seen?: { readonly keys: readonly string[]; readonly heads: Buffer };
}

/**
 * Lua: `stand(key, fresh, life, raised)` gives the version in `key`, or makes it `fresh`; it then lives at least `life` ms,
 * and `raised` when that had to be changed.
 */
export const standLua = /* lua */ `
local function stand(key, fresh, life, raised)
  local version = redis.call('GET', key)
  if not version then
    redis.call('SET', key, fresh, 'PX', raised)
    return fresh
  end
  if redis.call('PTTL', key) < life then redis.call('PEXPIRE', key, raised) end
  return version
end
`;

/**
 * Reads the versions under which a load begins and creates those that are missing, in one step: a purge before it is in
 * the versions, a purge after it changes them. With a lease, gives the load to one of those who ask. A lease whose holder
 * began under other versions is taken over at once: a purge came since, so what it loads won't be stored. Who read an
 * entry that has changed since gets no lease: another has just loaded it.
 *
 * KEYS[…]  string, versions of one hash slot: fence, generation, tags, purges; with a lease, its key and
 *          those of the entry
 * ARGV[1]  how long each version must live at least, ms
 * ARGV[2]  random text, makes new versions unique
 * ARGV[3]  owner of the lease, '' for none
 * ARGV[4]  duration of the lease, ms
 * ARGV[5]  number of versions
 * ARGV[6]  how many of them, from the first, the load depends on
 * ARGV[7]  what the entry's keys began with when they were read
 * Returns  [Redis time in ms, version of KEYS[1], version of KEYS[2], …] · [Redis time in ms, rest of the lease in ms]
 *          when another holds it, 0 when the entry has changed
 * TTL      versions: raised to ARGV[1] where it is shorter; lease: ARGV[5]. Versions are made of the server's time, so a
 *          call that is executed twice because its reply was lost never brings back a version that was purged in between.
 *
 * The lease is `<owner> <digest of the versions it depends on> `, and `!` after it once somebody waits.
 */
const lua = /* lua */ `${standLua}
local hold = tonumber(ARGV[1])
local owner = ARGV[3]
local count = tonumber(ARGV[5])
local now = redis.call('TIME')
local fresh = now[1] .. '.' .. now[2] .. '-' .. ARGV[2]
local reply = { now[1] * 1000 + math.floor(now[2] / 1000) }
for i = 1, count do
  reply[i + 1] = stand(KEYS[i], fresh, hold, hold)
end
if owner == '' then return reply end
local lease = KEYS[count + 1]
local heads = ''
for i = count + 2, #KEYS do
  local head = redis.pcall('GETRANGE', KEYS[i], 0, ${HEADER_BYTES - 1})
  if type(head) == 'string' then heads = heads .. head end
end
if heads ~= ARGV[7] then return { reply[1], 0 } end
local digest = redis.sha1hex(table.concat(reply, ' ', 2, ARGV[6] + 1))
local holder = redis.call('GET', lease) or ''
local waited = string.sub(holder, -1) == '!'
if string.sub(holder, 1, #owner) ~= owner and string.find(holder, digest, 1, true) then
  if not waited then redis.call('SET', lease, holder .. '!', 'KEEPTTL') end
  return { reply[1], redis.call('PTTL', lease) }
end
redis.call('SET', lease, owner .. ' ' .. digest .. ' ' .. (waited and '!' or ''), 'PX', ARGV[4])
return reply
`;

function parse(reply: unknown): HeldVersions {
  if (!Array.isArray(reply)) throw new TypeError('start-fill: the reply is no array');
  const [timeMs, ...versions] = reply as unknown[];
  if (typeof timeMs === 'number' && typeof versions[0] === 'number') {
    return { timeMs, versions: [], leasedMs: versions[0] };
  }
  if (typeof timeMs !== 'number' || !versions.every((version) => typeof version === 'string')) {
    throw new TypeError('start-fill: the reply has another shape');
  }
  return { timeMs, versions };
}

const script = defineScript({ name: 'start-fill', lua, parse });

/** Runs the script on `keys`, all of one slot; the load depends on the first `dependsOn` of them. @default all */
export function startFill(
  redis: RedisClient,
  keys: readonly string[],
  options: { readonly holdMs: number; readonly dependsOn?: number; readonly lease?: LeaseClaim | undefined },
): Promise<HeldVersions> {
  const { holdMs, lease, dependsOn = keys.length } = options;
  const random = randomBytes(6).toString('base64url');
  const { key: leaseKey, owner = '', leaseMs = 0, seen } = lease ?? {};
  const all = leaseKey === undefined ? keys : [...keys, leaseKey, ...(seen?.keys ?? [])];
  const args = [holdMs, random, owner, leaseMs, keys.length, dependsOn, seen?.heads ?? ''];
  return script.run(redis, all, args);
}
