// Makes the ioredis client that request paths need. ioredis' defaults suit batch work: a command against a dead server
// waits for over a minute, and a command whose reply was lost is sent again, which charges, claims or adds twice.

import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { OptionError } from './errors.js';

/** Settings of {@link createRedis}. */
export interface CreateRedisOptions {
  /** Further ioredis options; they win over ours. */
  readonly redisOptions?: RedisOptions;
  /** Receives connection errors. @default one process warning per outage */
  readonly onError?: (error: Error) => void;
}

const FORMS = 'redis[s][+cluster]://host:port,… or redis[s]+sentinel://host:port,…/master-name';

/**
 * Gives an ioredis client for request paths: a command that cannot be sent or answered fails at once, none is sent
 * twice, and a lost connection is tried again every 40–400 ms for ever. The caller owns the client and closes it.
 *
 * @param url `redis://`, `rediss://`, `redis+sentinel://h1:p1,h2:p2/master-name` or `redis+cluster://h1:p1,h2:p2`; with
 *   `user:password@` where needed; `+tls` as in `rediss+cluster://`
 * @throws {OptionError} when the URL has another form
 */
export function createRedis(url: string, options: CreateRedisOptions = {}): Redis | Cluster {
  const target = parseUrl(url);
  const retryStrategy = (times: number) => Math.min(25 * 2 ** times, 400) * (0.8 + Math.random() * 0.2);
  const common: LegacyOptions = {
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    connectTimeout: 2_000,
    // A connection that swallows commands (a lost route, no FIN) is replaced after this time.
    socketTimeout: 2_000,
    retryStrategy,
    // After a failover the old master refuses writes: connect anew. `1`: the refused command is not sent again.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
    ...target.credentials,
    ...options.redisOptions,
    // v5 reply shapes whatever the protocol: what every ioredis user expects.
    replyMapping: 'legacy',
  };
  const client = connect(target, common, retryStrategy);
  reportErrors(client, options.onError);
  return client;
}

type Target = ReturnType<typeof parseUrl>;
type LegacyOptions = RedisOptions & { replyMapping: 'legacy' };

function connect(target: Target, common: LegacyOptions, retryStrategy: (times: number) => number): Redis | Cluster {
  if (target.kind === 'single') return new Redis({ ...target.hosts[0], ...common });
  if (target.kind === 'sentinel') {
    const sentinelOptions = { sentinels: target.hosts, name: target.path, sentinelRetryStrategy: retryStrategy };
    return new Redis({ ...sentinelOptions, ...common });
  }
  const { enableOfflineQueue = false, keyPrefix, ...redisOptions } = common;
  const cluster = {
    enableOfflineQueue,
    redisOptions,
    clusterRetryStrategy: retryStrategy,
    slotsRefreshTimeout: 2_000,
    // 0: a command that was in flight when its node died is not sent again to the next one.
    retryDelayOnFailover: 0,
    ...(keyPrefix === undefined ? {} : { keyPrefix }),
  };
  return new Cluster(target.hosts, cluster);
}

function parseUrl(url: string) {
  const match = /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^/?#]+)(?:\/([^?#]*))?$/.exec(url);
  // The URL may hold a password: it is never repeated in the message.
  if (match === null) throw new OptionError('core', 'url', `of the form ${FORMS}`, 'something else');
  const [, tls, kind, userInfo = '', hostList = '', path = ''] = match;
  const hosts = hostList.split(',').map((host) => {
    const { hostname, port } = new URL(`redis://${host}`);
    return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 6379 : Number(port) };
  });
  const isPathRight = kind === 'sentinel' ? path !== '' : /^\d{0,3}$/.test(path);
  if (!isPathRight) throw new OptionError('core', 'url', `of the form ${FORMS}`, `the path "${path}"`);
  const [username = '', password = ''] = userInfo.includes(':') ? userInfo.split(/:(.*)/s) : ['', userInfo];
  const credentials: RedisOptions = {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(tls === '' ? {} : { tls: {} }),
    ...(kind === undefined && path !== '' ? { db: Number(path) } : {}),
  };
  return { kind: kind === 'sentinel' || kind === 'cluster' ? kind : ('single' as const), hosts, path, credentials };
}

function reportErrors(client: Redis | Cluster, onError: ((error: Error) => void) | undefined): void {
  let isReported = false;
  client.on('ready', () => (isReported = false));
  client.on('error', (error: Error) => {
    if (onError !== undefined) return onError(error);
    if (!isReported) process.emitWarning(`Redis connection: ${error.message}`, 'SallyportWarning');
    isReported = true;
  });
}
