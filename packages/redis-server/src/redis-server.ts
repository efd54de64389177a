/**
 * The factory for one server, and the two rules that the Cluster and Sentinel factories share with it: which arguments
 * every server gets, and that a clash of ports is ours to solve unless the caller named the port.
 */
import { checkOptions, functionOption, integerBetween, nonEmptyString, stringArray } from './check-options.js';
import { PortInUseError } from './errors.js';
import { FIND_OPTION_CHECKS, findRedis, type FindRedisOptions } from './find-redis.js';
import { claimPorts, findFreePorts, HOST } from './free-port.js';
import { ManagedServer } from './managed-server.js';
import type { RedisBinary } from './redis-binary.js';
import type { ProcessExit } from './tied-process.js';

export interface StartRedisOptions extends FindRedisOptions {
  /** TCP port on 127.0.0.1. @default a free one, another on each start */
  port?: number;
  /** Number of databases that SELECT can choose from. @default 16 */
  databases?: number;
  /** Password of the default user; it becomes part of `url`. @default none */
  password?: string;
  /** Further redis-server arguments, such as `['--maxmemory', '10mb']`. They come last, so they win. */
  args?: string[];
  /** Told when the server ends without `stop()`, `kill()` or `restart()`. */
  onExit?: (exit: ProcessExit) => void;
}

/** A running redis-server. It ends with this process, however this process ends. */
export interface RedisServer {
  /** Such as `redis://127.0.0.1:6379`, with the password if there is one. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Process id; 0 while the server is down. Changes with `restart()`. */
  readonly pid: number;
  /** Ends the server for good and removes its directory. Safe to call twice. */
  stop(): Promise<void>;
  /** Ends the process as a crash (SIGKILL, the default) or an orderly shutdown (SIGTERM) would; settles when it is gone. */
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Freezes the process (SIGSTOP): connections stay open and nothing answers. @throws {RedisServerStateError} when it is down. */
  pause(): void;
  /** Lets a paused process go on (SIGCONT). @throws {RedisServerStateError} when it is down. */
  resume(): void;
  /** Ends the process if it runs and starts an empty one on the same port. @throws {RedisServerStateError} after `stop()`. */
  restart(): Promise<void>;
}

const START_OPTION_CHECKS = {
  ...FIND_OPTION_CHECKS,
  port: integerBetween(1, 65_535),
  databases: integerBetween(1, 10_000),
  password: nonEmptyString,
  args: stringArray,
  onExit: functionOption,
};

/** Arguments of every server that keeps data: this host only, nothing on disk. */
export function dataServerArgs(port: number, directory: string): string[] {
  const network = ['--bind', HOST, '--port', String(port)];
  return [...network, '--dir', directory, '--save', '', '--appendonly', 'no', '--daemonize', 'no'];
}

/**
 * Starts a redis-server on 127.0.0.1 that keeps nothing on disk, and waits until it answers.
 *
 * @throws {RedisServerOptionError} synchronously, for an unknown or wrong option.
 * @throws {RedisNotFoundError} when there is no redis-server, see `findRedis()`.
 * @throws {PortInUseError} when `port` is given and taken. @throws {RedisStartError} when the server does not start.
 * @example
 * const redis = await startRedis();
 * const client = new Redis(redis.url);
 * // …
 * await redis.stop();
 */
export function startRedis(options: StartRedisOptions = {}): Promise<RedisServer> {
  checkOptions(options, START_OPTION_CHECKS);
  return start(options);
}

async function start(options: StartRedisOptions): Promise<RedisServer> {
  const binary = await findRedis(findOptionsOf(options));
  return onFreePorts({ first: options.port, count: 1 }, async ([port = 0]) => {
    const server = new ManagedServer(launchOf(binary, port, options));
    return startOrStop(server);
  });
}

function launchOf(binary: RedisBinary, port: number, options: StartRedisOptions) {
  const { databases = 16, password, args = [], onExit } = options;
  const extra = [
    '--databases',
    String(databases),
    ...(password === undefined ? [] : ['--requirepass', password]),
    ...args,
  ];
  return {
    binary,
    port,
    password,
    onExit,
    args: (directory: string) => [...dataServerArgs(port, directory), ...extra],
  };
}

/** Starts a server that nothing owns yet, so that a failed start leaves no process and no directory. */
export async function startOrStop(server: ManagedServer): Promise<ManagedServer> {
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Runs `attempt` on the ports asked for, or on free ones; a clash on ports we chose ourselves is tried again on others. */
export async function onFreePorts<T>(
  wanted: { first: number | undefined; count: number; withBus?: boolean },
  attempt: (ports: number[]) => Promise<T>,
): Promise<T> {
  const { first, count, withBus = false } = wanted;
  if (first !== undefined) return attempt(await claimPorts(first, count, withBus));
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt(await findFreePorts(count, withBus));
    } catch (error) {
      if (tries === 5 || !(error instanceof PortInUseError)) throw error;
    }
  }
}

/** The part of a factory's options that is meant for `findRedis()`, which refuses the others. */
export function findOptionsOf(options: FindRedisOptions): FindRedisOptions {
  return Object.fromEntries(
    Object.keys(FIND_OPTION_CHECKS).map((name) => [name, options[name as keyof FindRedisOptions]]),
  );
}
