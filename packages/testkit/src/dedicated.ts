import {
  startCluster,
  startRedis,
  startSentinel,
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  type StartClusterOptions,
  type StartRedisOptions,
  type StartSentinelOptions,
} from '@sallyport/redis-server';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { onFileEnd } from './cleanup.js';
import { connect, tracked } from './redis.js';

/**
 * Servers of a test file's own, for what would disturb others on the shared one: pause, kill, restart, SCRIPT FLUSH, CONFIG SET,
 * CLIENT PAUSE, pub/sub, eviction. They are stopped when the test file ends.
 */

/** A Redis server that only this test file uses. */
export interface DedicatedRedis extends RedisServer {
  /** An ioredis client on it, closed when the test file ends. */
  readonly client: (options?: RedisOptions) => Redis;
}

/** Starts a Redis server for this test file; takes some 30 ms. */
export async function dedicatedRedis(options: StartRedisOptions = {}): Promise<DedicatedRedis> {
  const server = await startRedis(options);
  onFileEnd(() => server.stop());
  const { host, port } = server;
  const password = options.password === undefined ? {} : { password: options.password };
  const client = (clientOptions: RedisOptions = {}) => connect({ host, port, db: 0, ...password, ...clientOptions });
  // Assigned and not spread: the server's `pid` is a getter.
  return Object.assign(server, { client });
}

/** What `new Cluster(nodes, options)` takes. */
export type ClusterClientOptions = NonNullable<ConstructorParameters<typeof Cluster<'legacy'>>[1]>;

/** A Redis Cluster that only this test file uses. */
export interface DedicatedCluster extends RedisCluster {
  /** An ioredis Cluster client on it, closed when the test file ends. */
  readonly client: (options?: ClusterClientOptions) => Cluster;
}

/** Starts a Redis Cluster for this test file; takes some two seconds, so share it by `beforeAll`. */
export async function dedicatedCluster(options: StartClusterOptions = {}): Promise<DedicatedCluster> {
  const cluster = await startCluster(options);
  onFileEnd(() => cluster.stop());
  return Object.assign(cluster, {
    client: (clientOptions: ClusterClientOptions = {}) => tracked(new Cluster<'legacy'>(cluster.nodes, clientOptions)),
  });
}

/** A master with replicas, watched by sentinels, that only this test file uses. */
export interface DedicatedSentinel extends RedisSentinel {
  /** An ioredis client that follows the master, closed when the test file ends. */
  readonly client: (options?: RedisOptions) => Redis;
}

/** Starts sentinels, a master and its replicas for this test file; takes some two seconds. */
export async function dedicatedSentinel(options: StartSentinelOptions = {}): Promise<DedicatedSentinel> {
  const sentinel = await startSentinel(options);
  onFileEnd(() => sentinel.stop());
  const { sentinels, masterName: name } = sentinel;
  const client = (clientOptions: RedisOptions = {}) => {
    const all = { sentinels, name, disconnectTimeout: 100, ...clientOptions } as RedisOptions & {
      replyMapping?: 'legacy';
    };
    return tracked(new Redis(all));
  };
  return Object.assign(sentinel, { client });
}
