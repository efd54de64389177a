// Makes the ioredis client that request paths need. ioredis' defaults suit batch work: a command against a dead server
// waits for over a minute, and a command whose reply was lost is sent again, which charges, claims or adds twice.

import { unescape } from 'node:querystring';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { messageOf, OptionError } from './errors.js';
import { callback, checkOptions, kindOf, optional, refuse, type Check } from './options.js';

/** Settings of {@link createRedis}. */
export interface CreateRedisOptions {
  /** Further ioredis options; they win over ours. */
  readonly redisOptions?: RedisOptions;
  /** Receives connection errors. @default one process warning per outage */
  readonly onError?: (error: Error) => void;
}

const FORMS = 'redis[s]://host:port/db, redis[s]+cluster://host:port,… or redis[s]+sentinel://host:port,…/master-name';
const URL_FORM = /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/([^@/?#]*))?$/;
const HOST_FORM = /^(?:\[([\da-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/i;

const ioredisOptions: Check<RedisOptions> = (value, site) =>
  typeof value === 'object' && value !== null ? value : refuse(site, 'an object', value, kindOf(value));

/**
 * Gives an ioredis client for request paths: a command that cannot be sent or answered fails at once, none is sent
 * twice, and a lost connection is tried again every 40–400 ms for ever. The caller owns the client and closes it.
 *
 * @param url `redis://`, `redis+sentinel://h1:p1,h2:p2/master-name` or `redis+cluster://h1:p1,h2:p2`; with
 *   `user:password@` (percent-encoded) where needed; TLS as in `rediss://` and `rediss+cluster://`
 * @throws {OptionError} when the URL has another form, or an option is refused
 */
export function createRedis(url: string, options: CreateRedisOptions = {}): Redis | Cluster {
  const target = parseUrl(url);
  const { redisOptions, onError } = checkOptions('core', options, {
    redisOptions: optional(ioredisOptions, {}),
    onError: optional(callback<(error: Error) => void>(), undefined),
  });
  const client = connect(target, {
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    connectTimeout: 2_000,
    // A connection that swallows commands (a lost route, no FIN) is replaced after this time.
    socketTimeout: 2_000,
    retryStrategy: backoff,
    // After a failover the old master refuses writes: connect anew. `1`: the refused command is not sent again.
    reconnectOnError: (error) => (/(^|: -)READONLY /.test(error.message) ? 1 : false),
    ...target.credentials,
    ...redisOptions,
    // v5 reply shapes whatever the protocol: what every ioredis user expects.
    replyMapping: 'legacy',
  });
  let isReported = false;
  client.on('ready', () => (isReported = false));
  client.on('error', (error: Error) => {
    if (onError !== undefined) return onError(error);
    if (!isReported) process.emitWarning(`Redis connection: ${messageOf(error)}`, 'SallyportWarning');
    isReported = true;
  });
  return client;
}

const backoff = (times: number) => Math.min(25 * 2 ** times, 400) * (0.8 + Math.random() * 0.2);

function connect(target: ReturnType<typeof parseUrl>, common: RedisOptions & { replyMapping: 'legacy' }) {
  const { kind, hosts, path } = target;
  if (kind === 'single') return new Redis({ ...hosts[0], ...common });
  if (kind === 'sentinel')
    return new Redis({ sentinels: hosts, name: path, sentinelRetryStrategy: backoff, ...common });
  // ioredis takes `keyPrefix` from `redisOptions` by itself.
  const { enableOfflineQueue = false, ...redisOptions } = common;
  return new Cluster(hosts, {
    enableOfflineQueue,
    redisOptions,
    clusterRetryStrategy: backoff,
    slotsRefreshTimeout: 2_000,
    // 0: a command that was in flight when its node died is not sent again to the next one.
    retryDelayOnFailover: 0,
  });
}

/** Reads the URL by patterns of our own: host lists are no URLs, and errors of `URL` quote it with the password. */
function parseUrl(url: string) {
  const refused = new OptionError('core', 'url', `of the form ${FORMS}`, 'something else');
  const [match, tls, kind = 'single', userInfo = '', hostList = '', path = ''] = URL_FORM.exec(url) ?? [];
  const hosts = hostList.split(',').map((entry) => {
    const [, ipv6, host = ipv6, port = '6379'] = HOST_FORM.exec(entry) ?? [];
    if (host === undefined || Number(port) > 65_535) throw refused;
    return { host, port: Number(port) };
  });
  // A database for one server, the master's name for sentinels; a Cluster has database 0 only.
  const isPathRight = kind === 'sentinel' ? path !== '' : (kind === 'cluster' ? /^0?$/ : /^\d{0,5}$/).test(path);
  if (match === undefined || !isPathRight || (kind === 'single' && hosts.length > 1)) throw refused;
  const [username = '', password = ''] = userInfo.includes(':') ? userInfo.split(/:(.*)/s) : ['', userInfo];
  const credentials: RedisOptions = {
    ...(username === '' ? {} : { username: unescape(username) }),
    ...(password === '' ? {} : { password: unescape(password) }),
    // Without the second, ioredis talks to a master that sentinels named in the clear.
    ...(tls === '' ? {} : { tls: {}, enableTLSForSentinelMode: true, sentinelTLS: {} }),
    ...(kind === 'single' && path !== '' ? { db: Number(path) } : {}),
  };
  return { kind, hosts, path: unescape(path), credentials };
}
