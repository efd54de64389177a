// Commands that Redis refuses when a later lease was there already: the only thing that stops a process which stood still
// between its last look at the lease and its write. It protects single keys; the largest token stands beside each. Who
// reads in order to write must read this way too, or an older holder could still write between the two.

import {
  checkOptions,
  createStoreGuard,
  deadline,
  encodeKeyPart,
  integer,
  keyPrefix,
  oneOf,
  optional,
  redisClient,
  refuse,
  StoreUnavailableError,
  text,
  type RedisArgument,
  type RedisClient,
} from '@sallyport/core';
import { LockUnavailableError } from './errors.js';
import { fencedWriteScript, type FencedWriteResult } from './scripts/fenced-write.js';
import { hashTagOf } from './slot.js';

/** Commands on one key that may run twice, because ioredis sends again what it got no answer to. */
const WRITES = ['set', 'hset', 'hdel', 'del', 'unlink', 'sadd', 'srem', 'zadd', 'zrem', 'pexpire', 'json.set'] as const;
const READS = ['get', 'hget', 'hmget', 'hgetall', 'smembers', 'zscore', 'exists', 'json.get'] as const;
const COMMANDS = [...WRITES, ...READS] as const;
const PACKAGE = { packageName: 'lock' };

/** A command that {@link FencedWriter} runs. */
export type FencedCommand = (typeof COMMANDS)[number];

/** Settings of {@link createFencedWriter}. */
export interface FencedWriterOptions {
  /** ioredis client; never changed, never closed. */
  readonly redis: RedisClient;
  /** Start of the keys that hold the tokens of the last writers. @default 'lock:' */
  readonly prefix?: string;
  /** How long one call to Redis may take, in milliseconds. @default 200 */
  readonly deadlineMs?: number;
}

/** Commands that look at the token. */
export interface FencedWriter {
  /**
   * Runs `command key ...args`, unless a larger token was here before; from then on smaller ones are refused. All who
   * write the key must do it this way, with tokens of the same resource.
   *
   * @param command one that may run twice: `set` without NX and GET, `zadd` without INCR and NX, `hset`, `get` and so on
   * @throws {LockUnavailableError} when Redis does not answer; whether it has written is unknown then
   * @example
   * const read = await writer.run(lease.token, 'get', 'stock:7');
   * if (!read.accepted) throw new Error('a later holder was here');
   * await writer.run(lease.token, 'set', 'stock:7', Number(read.reply) - 1, 'EX', 3_600); // look at this one too
   */
  run(token: number, command: FencedCommand, key: string, ...args: RedisArgument[]): Promise<FencedWriteResult>;
}

/** Gives fenced writes on `redis`. @throws {OptionError} for an option that is wrong or unknown */
export function createFencedWriter(options: FencedWriterOptions): FencedWriter {
  const { redis, prefix, deadlineMs } = checkOptions('lock', options, {
    redis: redisClient,
    prefix: optional(keyPrefix, 'lock:'),
    deadlineMs: optional(deadline, 200),
  });
  const guard = createStoreGuard({ redis, packageName: 'lock', deadlineMs });
  return {
    async run(token, command, key, ...args) {
      integer(1)(token, { ...PACKAGE, option: 'token' });
      oneOf(...COMMANDS)(command, { ...PACKAGE, option: 'command' });
      checkRepeatable(command, args);
      text(/./s, 'a string that is not empty')(key, { ...PACKAGE, option: 'key' });
      const writerKey = writerKeyOf(prefix, key, redis.options.keyPrefix ?? '');
      try {
        return await guard.run(() => fencedWriteScript.run(redis, [key, writerKey], [token, command, ...args]));
      } catch (error) {
        if (error instanceof StoreUnavailableError) throw new LockUnavailableError(key, error);
        throw error;
      }
    },
  };
}

function checkRepeatable(command: FencedCommand, args: readonly RedisArgument[]): void {
  // In `hset` or `sadd` these words are data.
  const flags = command === 'set' ? args.slice(1) : command === 'zadd' ? args.slice(0, 3) : [];
  const flag = flags.find((each) => /^(nx|get|incr)$/i.test(String(each)));
  if (flag !== undefined) refuse({ ...PACKAGE, option: 'args' }, 'without NX, GET and INCR: it may run twice', flag);
}

/** The key of the last writer's token, in the slot of the target. */
function writerKeyOf(prefix: string, key: string, clientPrefix: string): string {
  // What the client puts before the key counts for its slot.
  const tag = hashTagOf(clientPrefix + key);
  // `{` and the tag and `}` would be another tag, or none.
  if (tag.includes('}')) refuse({ ...PACKAGE, option: 'key' }, 'without `}` that closes no hash tag', key);
  return `${prefix}{${tag}}:writer:${encodeKeyPart(key)}`;
}
