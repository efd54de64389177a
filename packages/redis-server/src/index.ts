export { defaultCacheDir } from './cache-dir.js';
export { startCluster, type RedisCluster, type StartClusterOptions } from './cluster.js';
export {
  PortInUseError,
  RedisNotFoundError,
  RedisServerError,
  RedisServerOptionError,
  RedisServerStateError,
  RedisStartError,
} from './errors.js';
export { findRedis, type FindRedisEvent, type FindRedisOptions } from './find-redis.js';
export type { RedisBinary } from './redis-binary.js';
export { startRedis, type RedisServer, type StartRedisOptions } from './redis-server.js';
export { startSentinel, type RedisSentinel, type StartSentinelOptions } from './sentinel.js';
export type { ServerAddress } from './server-group.js';
export type { ProcessExit } from './tied-process.js';
