import { defineScript, type RedisArgument, type RedisClient } from '@sallyport/core';
import { randomBytes } from 'node:crypto';
import { releaseLua, type Release } from './release-lease.js';
import { standLua } from './start-fill.js';

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
  /** Without its trailer. */
  readonly frame: Buffer;
  readonly ttlMs: number;
}

/** What makes a write happen once, however often its command is sent. */
export interface Once {
  /** Notes that it was executed. */
  readonly key: string;
  /** Redis time in ms after which it is not executed any more. */
  readonly untilMs: number;
  /** The fence, which is removed: loads that are running are turned away. */
  readonly fence: string;
}

/** All that one commit does. */
export interface Commit {
  readonly held: readonly Held[];
  /** Versions of the trailer that are known: fence, generation, those of tags. */
  readonly known: readonly string[];
  /** Keys of versions that are taken as they stand now, or made; they follow the known ones in the trailer. */
  readonly standing?: readonly string[];
  readonly puts: readonly Put[];
  /** Longest TTL of the whole fill. */
  readonly lifeMs: number;
  readonly lease?: Release | undefined;
  readonly once?: Once;
}

/** `late`: sent again, or delayed, past `untilMs`. */
export type CommitOutcome = 'written' | 'overtaken' | 'late';

/** What became of it, and the time of Redis in ms. */
export interface CommitReply {
  readonly outcome: CommitOutcome;
  readonly timeMs: number;
  /** Versions of the standing keys. */
  readonly versions: readonly string[];
}

/**
 * Writes what a load gave, unless one of the versions under which it began is gone or another: then a purge or a set came
 * after, and the value may be from before it. Checking and writing are one step, so no purge fits in between. Either way
 * the lease is given up and those who wait are called.
 *
 * A write that holds no versions comes with a note that it was executed: when its reply is lost and the client sends it
 * again, it can't undo a purge that came in between.
 *
 * KEYS[…]   string: held versions, standing versions, keys to write, the lease, the note, the fence; all of one hash slot
 * ARGV[1]   number of held versions
 * ARGV[2]   number of standing versions
 * ARGV[3]   number of keys to write
 * ARGV[4]   longest TTL of what is written, ms
 * ARGV[5]   owner of the lease, '*' for any, '' when there is none
 * ARGV[6]   channel on which those who wait are called
 * ARGV[7]   message to them
 * ARGV[8]   with a note: Redis time in ms until which to write; '' without
 * ARGV[9]   random text, makes new versions unique
 * ARGV[10]  known versions of the trailer, separated by spaces
 * ARGV[…]   per held version: expected value, then 1 to extend its TTL, else 0
 * ARGV[…]   per written key: frame without trailer, then TTL in ms; TTL 0 removes the key
 * Returns   [1, Redis time in ms, standing versions …] written · [0, Redis time in ms] not written, overtaken ·
 *           [-1, Redis time in ms] not written, too late
 * TTL       written keys: as given. Versions: at least ARGV[4]; twice that when raised, so that most commits leave them
 *           alone. Note: one second more than until when it matters.
 */
const lua = /* lua */ `${releaseLua}${standLua}
local held, standing, puts = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local life = tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rest = held + standing + puts
if ARGV[8] ~= '' then
  local left = tonumber(ARGV[8]) - now
  if left < 0 then return { -1, now } end
  if not redis.call('SET', KEYS[#KEYS - 1], '1', 'PX', left + 1000, 'NX') then return { 1, now } end
  redis.call('UNLINK', KEYS[#KEYS])
end
if ARGV[5] ~= '' then release(KEYS[rest + 1], ARGV[5], ARGV[6], ARGV[7]) end
for i = 1, held do
  if redis.call('GET', KEYS[i]) ~= ARGV[9 + 2 * i] then return { 0, now } end
end
for i = 1, held do
  if ARGV[10 + 2 * i] == '1' and redis.call('PTTL', KEYS[i]) < life then
    redis.call('PEXPIRE', KEYS[i], 2 * life)
  end
end
local trailer = string.format('%.0f ', now) .. ARGV[10]
local fresh = time[1] .. '.' .. time[2] .. '-' .. ARGV[9]
local reply = { 1, now }
for i = held + 1, held + standing do
  local version = stand(KEYS[i], fresh, life, 2 * life)
  trailer = trailer .. ' ' .. version
  reply[#reply + 1] = version
end
trailer = trailer .. ';'
for i = 1, puts do
  local key, at = KEYS[held + standing + i], 9 + 2 * (held + i)
  local ttl = tonumber(ARGV[at + 1])
  if ttl > 0 then
    redis.call('SET', key, ARGV[at] .. trailer, 'PX', ttl)
  else
    redis.call('UNLINK', key)
  end
end
return reply
`;

const OUTCOMES = new Map<unknown, CommitOutcome>([
  [1, 'written'],
  [0, 'overtaken'],
  [-1, 'late'],
]);

function parse(reply: unknown): CommitReply {
  const [code, timeMs, ...versions] = Array.isArray(reply) ? (reply as unknown[]) : [];
  const outcome = OUTCOMES.get(code);
  if (outcome === undefined || typeof timeMs !== 'number' || !versions.every((text) => typeof text === 'string')) {
    throw new TypeError('commit-fill: the reply has another shape');
  }
  return { outcome, timeMs, versions };
}

const script = defineScript({ name: 'commit-fill', lua, parse });

/** Runs the script. */
export function commitFill(redis: RedisClient, commit: Commit): Promise<CommitReply> {
  const { held, known, standing = [], puts, lifeMs, lease, once } = commit;
  const keys = [
    ...held.map(({ key }) => key),
    ...standing,
    ...puts.map(({ key }) => key),
    ...(lease ? [lease.key] : []),
    ...(once ? [once.key, once.fence] : []),
  ];
  const { owner = '', channel = '', message = '' } = lease ?? {};
  const random = randomBytes(6).toString('base64url');
  const args: RedisArgument[] = [held.length, standing.length, puts.length, lifeMs, owner, channel, message];
  args.push(once?.untilMs ?? '', random, known.join(' '));
  for (const { version, isKept } of held) args.push(version, isKept ? 1 : 0);
  for (const { frame, ttlMs } of puts) args.push(frame, ttlMs);
  return script.run(redis, keys, args);
}
