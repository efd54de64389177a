/**
 * The Sentinel factory: options, the processes and their order, and the handle. What sentinels are told, and when they
 * count as agreed, is in `sentinel-formation.ts`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareWord, checkOptions, functionOption, integerBetween, stringArray } from './check-options.js';
import { FIND_OPTION_CHECKS, findRedis, type FindRedisOptions } from './find-redis.js';
import { HOST } from './free-port.js';
import { ManagedServer } from './managed-server.js';
import type { RedisBinary } from './redis-binary.js';
import { dataServerArgs, findOptionsOf, onFreePorts, type RedisServer } from './redis-server.js';
import { replicasLinked, sentinelConfigs, sentinelsAgree } from './sentinel-formation.js';
import { ServerGroup, type ServerAddress } from './server-group.js';
import type { ProcessExit } from './tied-process.js';

export interface StartSentinelOptions extends FindRedisOptions {
  /** Number of sentinels; an odd number, or one that fails can leave no majority. @default 3 */
  sentinels?: number;
  /** Number of replicas of the master. @default 1 */
  replicas?: number;
  /** @default 'mymaster' */
  masterName?: string;
  /** Port of the first sentinel; the other sentinels, then the master, then the replicas take the ports after it. @default free ones */
  port?: number;
  /** After this many milliseconds without an answer the master counts as down. @default 500 */
  downAfterMs?: number;
  /** Further redis-server arguments for master and replicas. */
  args?: string[];
  /** Told when any of the servers ends without having been asked to. */
  onExit?: (exit: ProcessExit, port: number) => void;
}

/** A running master with replicas, watched by sentinels. */
export interface RedisSentinel {
  /** Such as `redis+sentinel://127.0.0.1:26379,127.0.0.1:26380,127.0.0.1:26381/mymaster`. */
  readonly url: string;
  readonly masterName: string;
  /** As ioredis' `sentinels` option takes them. */
  readonly sentinels: ServerAddress[];
  /** The sentinels' processes, in the order of `sentinels`, to kill, pause and restart. */
  readonly sentinelServers: RedisServer[];
  /** The master of the start; who is master now, `currentMaster()` tells. */
  readonly master: RedisServer;
  /** The replicas of the start. */
  readonly replicas: RedisServer[];
  /**
   * Waits until all sentinels that answer agree on a master that answers, and the other data servers follow it.
   * @throws {RedisStartError} after 30 s without agreement.
   */
  currentMaster(): Promise<ServerAddress>;
  /** Kills the current master (SIGKILL) and waits until the sentinels agree on another. @returns its address. */
  failover(): Promise<ServerAddress>;
  /** Ends everything for good. Safe to call twice. */
  stop(): Promise<void>;
}

const OPTION_CHECKS = {
  ...FIND_OPTION_CHECKS,
  sentinels: integerBetween(1, 9),
  replicas: integerBetween(0, 9),
  masterName: bareWord,
  port: integerBetween(1, 65_500),
  downAfterMs: integerBetween(100, 60_000),
  args: stringArray,
  onExit: functionOption,
};

/**
 * Starts a master, its replicas and sentinels on 127.0.0.1, and waits until a failover would succeed.
 *
 * @throws {RedisServerOptionError} synchronously, for an unknown or wrong option.
 * @throws {RedisNotFoundError} {@link findRedis} @throws {PortInUseError} when `port` is given and one of the ports is taken.
 * @throws {RedisStartError} when a server does not start or the sentinels do not agree.
 */
export function startSentinel(options: StartSentinelOptions = {}): Promise<RedisSentinel> {
  checkOptions(options, OPTION_CHECKS);
  return start(options);
}

async function start(options: StartSentinelOptions): Promise<RedisSentinel> {
  const { sentinels: sentinelCount = 3, replicas: replicaCount = 1, masterName = 'mymaster' } = options;
  const binary = await findRedis(findOptionsOf(options));
  return onFreePorts({ first: options.port, count: sentinelCount + 1 + replicaCount }, async (ports) => {
    const sentinelPorts = ports.slice(0, sentinelCount);
    const [masterPort = 0, ...replicaPorts] = ports.slice(sentinelCount);
    const master = dataServer(binary, masterPort, [], options);
    const replicas = replicaPorts.map((port) => {
      return dataServer(binary, port, ['--replicaof', HOST, String(masterPort)], options);
    });
    const { downAfterMs = 500 } = options;
    const configs = sentinelConfigs({ masterName, masterPort, replicaPorts, sentinelPorts, downAfterMs });
    const sentinels = configs.map((config, index) =>
      sentinelServer(binary, sentinelPorts[index] ?? 0, config, options),
    );
    return new SentinelSet(masterName, sentinels, [master, ...replicas]).start();
  });
}

function dataServer(binary: RedisBinary, port: number, role: string[], options: StartSentinelOptions): ManagedServer {
  const { args = [], onExit } = options;
  return new ManagedServer({
    binary,
    port,
    onExit: onExit && ((exit) => onExit(exit, port)),
    // Without the delay of 5 s for replicas that might still come, the first sync starts at once.
    args: (directory) => [...dataServerArgs(port, directory), ...role, '--repl-diskless-sync-delay', '0', ...args],
  });
}

function sentinelServer(
  binary: RedisBinary,
  port: number,
  config: string,
  { onExit }: StartSentinelOptions,
): ManagedServer {
  const server = new ManagedServer({
    binary,
    port,
    onExit: onExit && ((exit) => onExit(exit, port)),
    args: (directory) => [join(directory, 'sentinel.conf'), '--sentinel', '--dir', directory],
  });
  // Written once: Sentinel keeps what it learns in this file, and a restarted one reads it there.
  writeFileSync(join(server.directory, 'sentinel.conf'), config);
  return server;
}

class SentinelSet implements RedisSentinel {
  readonly sentinels: ServerAddress[];
  readonly url: string;
  readonly master: RedisServer;
  readonly replicas: RedisServer[];
  readonly masterName: string;
  readonly sentinelServers: ManagedServer[];
  readonly #data: [ManagedServer, ...ManagedServer[]];
  readonly #sentinelGroup: ServerGroup;
  readonly #dataGroup: ServerGroup;

  constructor(masterName: string, sentinelServers: ManagedServer[], data: [ManagedServer, ...ManagedServer[]]) {
    this.masterName = masterName;
    this.sentinelServers = sentinelServers;
    this.#data = data;
    this.#sentinelGroup = new ServerGroup(sentinelServers);
    this.#dataGroup = new ServerGroup(data);
    this.sentinels = sentinelServers.map(({ host, port }) => ({ host, port }));
    this.url = `redis+sentinel://${this.sentinels.map(({ host, port }) => `${host}:${port}`).join(',')}/${masterName}`;
    [this.master, ...this.replicas] = data;
  }

  async start(): Promise<this> {
    await this.#dataGroup.start(async () => {
      // Sentinels come last: one that finds no master when it starts takes it for dead, and fails over at once.
      await replicasLinked(this.#data);
      await this.#sentinelGroup.start(async () => void (await this.currentMaster()));
    });
    return this;
  }

  currentMaster(): Promise<ServerAddress> {
    const [sentinels, data] = [this.#sentinelGroup.split(), this.#dataGroup.split()];
    return sentinelsAgree({
      masterName: this.masterName,
      sentinels: sentinels.answering,
      data: data.answering,
      silentPorts: [...sentinels.silentPorts, ...data.silentPorts],
    });
  }

  async failover(): Promise<ServerAddress> {
    const { port } = await this.currentMaster();
    await this.#data.find((server) => server.port === port)?.kill();
    return this.currentMaster();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#sentinelGroup.stop(), this.#dataGroup.stop()]);
  }
}
