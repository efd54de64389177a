/**
 * The Cluster factory: options, the processes of the nodes, and the handle. How running nodes become a cluster, and when
 * a cluster counts as healthy, is in `cluster-formation.ts`.
 */
import { checkOptions, functionOption, integerBetween, stringArray } from './check-options.js';
import { clusterAgrees, formCluster } from './cluster-formation.js';
import { FIND_OPTION_CHECKS, findRedis, type FindRedisOptions } from './find-redis.js';
import { CLUSTER_BUS_OFFSET } from './free-port.js';
import { ManagedServer } from './managed-server.js';
import type { RedisBinary } from './redis-binary.js';
import { dataServerArgs, findOptionsOf, onFreePorts } from './redis-server.js';
import { ServerGroup, type ServerAddress } from './server-group.js';
import type { ProcessExit } from './tied-process.js';

export interface StartClusterOptions extends FindRedisOptions {
  /** @default 3, which is also the least that Redis Cluster can fail over with */
  masters?: number;
  /** @default 0 */
  replicasPerMaster?: number;
  /** Port of the first node; the others take the ports after it. Each also needs its port + 10000. @default free ones */
  port?: number;
  /** After this many milliseconds without an answer a node counts as down. @default 500 */
  nodeTimeoutMs?: number;
  /** Further redis-server arguments for every node. */
  args?: string[];
  /** Told when a node ends without `stop()`, `kill()` or `restart()`. */
  onExit?: (exit: ProcessExit, index: number) => void;
}

/** A running Redis Cluster. Nodes are addressed by their index in `nodes`: the masters of the start, then their replicas. */
export interface RedisCluster {
  /** Such as `redis+cluster://127.0.0.1:7000,127.0.0.1:7001,127.0.0.1:7002`. */
  readonly url: string;
  /** One `redis://` URL per node, in the order of `nodes`. */
  readonly urls: string[];
  /** As ioredis' `new Cluster(nodes)` takes them. With m masters, the replicas of node k are k + m, k + 2m, … */
  readonly nodes: ServerAddress[];
  /** Ends all nodes for good. Safe to call twice. */
  stop(): Promise<void>;
  /** Ends one node as a crash (SIGKILL, the default) or an orderly shutdown would; settles when it is gone. */
  kill(index: number, signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Freezes one node: after the node timeout the others take it for dead. */
  pause(index: number): void;
  resume(index: number): void;
  /** Starts a node again, empty, with the identity it had. A replica that was promoted meanwhile stays master. */
  restart(index: number): Promise<void>;
  /**
   * Waits until the nodes that are neither down nor paused serve all slots and agree on everybody's role. After `kill(0)`
   * that means: node 0 was given up and a replica has taken its slots. @throws {RedisStartError} after 30 s.
   */
  ready(): Promise<void>;
}

const MAX_MASTERS = 20;
const MAX_REPLICAS_PER_MASTER = 4;

const OPTION_CHECKS = {
  ...FIND_OPTION_CHECKS,
  masters: integerBetween(1, MAX_MASTERS),
  replicasPerMaster: integerBetween(0, MAX_REPLICAS_PER_MASTER),
  port: integerBetween(1, 65_535 - CLUSTER_BUS_OFFSET - MAX_MASTERS * (1 + MAX_REPLICAS_PER_MASTER)),
  nodeTimeoutMs: integerBetween(100, 60_000),
  args: stringArray,
  onExit: functionOption,
};

/**
 * Starts a Redis Cluster on 127.0.0.1 and waits until every node reports `cluster_state:ok` and every replica is in sync.
 * That takes about two seconds: a new master stays read-only for that long by design.
 *
 * @throws {RedisServerOptionError} synchronously, for an unknown or wrong option.
 * @throws {RedisNotFoundError} {@link findRedis} @throws {PortInUseError} when `port` is given and one of the ports is taken.
 * @throws {RedisStartError} when a node does not start or the cluster does not form.
 */
export function startCluster(options: StartClusterOptions = {}): Promise<RedisCluster> {
  checkOptions(options, OPTION_CHECKS);
  return start(options);
}

async function start(options: StartClusterOptions): Promise<RedisCluster> {
  const { masters = 3, replicasPerMaster = 0 } = options;
  const count = masters * (1 + replicasPerMaster);
  const binary = await findRedis(findOptionsOf(options));
  return onFreePorts({ first: options.port, count, withBus: true }, async (ports) => {
    const servers = ports.map((port, index) => nodeServer(binary, port, index, options));
    const group = new ServerGroup(servers);
    await group.start(() => formCluster({ nodes: servers, masters }));
    return clusterOf(group);
  });
}

function nodeServer(binary: RedisBinary, port: number, index: number, options: StartClusterOptions): ManagedServer {
  const { args = [], nodeTimeoutMs = 500, onExit } = options;
  const cluster = ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf'];
  // Without the delay of 5 s for replicas that might still come, the first sync starts at once.
  const timing = ['--cluster-node-timeout', String(nodeTimeoutMs), '--repl-diskless-sync-delay', '0'];
  return new ManagedServer({
    binary,
    port,
    onExit: onExit && ((exit) => onExit(exit, index)),
    args: (directory) => [...dataServerArgs(port, directory), ...cluster, ...timing, ...args],
  });
}

function clusterOf(group: ServerGroup): RedisCluster {
  const nodes = group.addresses;
  return {
    nodes,
    url: `redis+cluster://${nodes.map(({ host, port }) => `${host}:${port}`).join(',')}`,
    urls: nodes.map(({ host, port }) => `redis://${host}:${port}`),
    stop: () => group.stop(),
    kill: (index, signal) => group.at(index).kill(signal),
    pause: (index) => group.at(index).pause(),
    resume: (index) => group.at(index).resume(),
    restart: (index) => group.at(index).restart(),
    ready: () => {
      const { answering, silentPorts } = group.split();
      return clusterAgrees(answering, { silentPorts });
    },
  };
}
