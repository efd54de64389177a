import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { deferred } from './deferred.js';
import { monitor } from './monitor.js';

/** What {@link countCommands} saw. */
export interface CommandCount<T> {
  /** What `fn` resolved to. */
  readonly result: T;
  /** Calls per command, lower case: `{ evalsha: 1, get: 2 }`. */
  readonly commands: Readonly<Record<string, number>>;
  readonly total: number;
}

/**
 * Counts the commands that `redis` sends while `fn` runs. Exact: the server's MONITOR stream is read, of which only the lines of
 * this connection count; calls made inside Lua carry `lua` in place of an address. (INFO commandstats would include those.)
 * Commands of other connections are not counted, also not of a `duplicate()`: see `countingProxy()` for these.
 */
export async function countCommands<T>(redis: Redis, fn: () => T | Promise<T>): Promise<CommandCount<T>> {
  const address = /\baddr=(\S+)/.exec(await redis.client('INFO'))?.[1];
  const lastCommand = randomUUID();
  const sawLast = deferred();
  const commands: Record<string, number> = {};
  let total = 0;
  const stop = await monitor(redis, ({ source, name, line }) => {
    if (source !== address) return;
    if (line.includes(lastCommand)) return sawLast.resolve();
    commands[name] = (commands[name] ?? 0) + 1;
    total += 1;
  });
  try {
    const result = await fn();
    // The stream is ordered: once the mark has been seen, so has everything before it.
    await redis.echo(lastCommand);
    await sawLast.promise;
    return { result, commands, total };
  } finally {
    stop();
  }
}
