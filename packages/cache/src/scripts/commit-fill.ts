import { defineScript, type RedisClient } from '@sallyport/core';
import { releaseLua, type Release } from './release-lease.js';

/** A version that must still stand. */
export interface Held {
  readonly key: string;
  readonly version: string;
  /** Extend the version's life to that of what is written. */
  readonly isKept: boolean;
}

/** A value to write; `ttlMs` 0 removes the key. */
export interface Put {
  readonly key: string;
  readonly frame: Buffer;
  readonly ttlMs: number;
}

/**
 * Writes what a load gave, unless one of the versions under which it began is gone or another: then a purge or a set came
 * after, and the value may be from before it. Checking and writing are one step, so no purge fits in between. Either way
 * the lease is given up and those who wait are called.
 *
 * KEYS[…]  string, versions first, then the keys to write, last the lease, if any; all of one hash slot
 * ARGV[1]  number of versions
 * ARGV[2]  longest TTL of what is written, ms
 * ARGV[3]  owner of the lease, '*' for any, '' when there is none
 * ARGV[4]  channel on which those who wait are called
 * ARGV[5]  message to them
 * ARGV[…]  per version: expected value, then 1 to extend its TTL, else 0
 * ARGV[…]  per written key: value, then TTL in ms; TTL 0 removes the key
 * Returns  1 written · 0 not written, overtaken
 * TTL      written keys: as given. Extended versions: at least ARGV[2]; twice that when raised, so that most commits
 *          leave them alone.
 */
const lua = /* lua */ `${releaseLua}
local held, life = tonumber(ARGV[1]), tonumber(ARGV[2])
local last = #KEYS
if ARGV[3] ~= '' then
  last = last - 1
  release(KEYS[#KEYS], ARGV[3], ARGV[4], ARGV[5])
end
for i = 1, held do
  if redis.call('GET', KEYS[i]) ~= ARGV[4 + 2 * i] then return 0 end
end
for i = 1, held do
  if ARGV[5 + 2 * i] == '1' and redis.call('PTTL', KEYS[i]) < life then
    redis.call('PEXPIRE', KEYS[i], 2 * life)
  end
end
for i = held + 1, last do
  local ttl = tonumber(ARGV[5 + 2 * i])
  if ttl > 0 then
    redis.call('SET', KEYS[i], ARGV[4 + 2 * i], 'PX', ttl)
  else
    redis.call('UNLINK', KEYS[i])
  end
end
return 1
`;

function parse(reply: unknown): boolean {
  if (reply !== 0 && reply !== 1) throw new TypeError('commit-fill: the reply is neither 0 nor 1');
  return reply === 1;
}

const script = defineScript({ name: 'commit-fill', lua, parse });

/** Runs the script; gives `false` when the fill was overtaken. `lifeMs` is the longest TTL of the whole fill. */
export function commitFill(
  redis: RedisClient,
  held: readonly Held[],
  puts: readonly Put[],
  lifeMs: number,
  lease?: Release,
): Promise<boolean> {
  const keys = [...held.map(({ key }) => key), ...puts.map(({ key }) => key), ...(lease ? [lease.key] : [])];
  const { owner = '', channel = '', message = '' } = lease ?? {};
  const versions = held.flatMap(({ version, isKept }) => [version, isKept ? 1 : 0]);
  const values = puts.flatMap(({ frame, ttlMs }) => [frame, ttlMs]);
  return script.run(redis, keys, [held.length, lifeMs, owner, channel, message, ...versions, ...values]);
}
