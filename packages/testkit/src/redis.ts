import { randomBytes } from 'node:crypto';
import { Redis, type Cluster, type RedisOptions } from 'ioredis';
import { onFileEnd } from './cleanup.js';
import { keysUnder } from './keys.js';
import { within } from './waiting.js';

/**
 * Clients on the Redis that all tests share. Workers are kept apart by database, files and tests by {@link uniquePrefix}.
 * Whatever is not per database (SCRIPT FLUSH, CONFIG SET, pub/sub, CLIENT PAUSE) belongs on a `dedicatedRedis()`.
 */

/** The URL of the worker's own database on the shared server. */
export function redisUrl(): string {
  const server = process.env['SALLYPORT_TEST_REDIS'];
  if (server === undefined) throw new Error('No Redis for tests: SALLYPORT_TEST_REDIS is set by jest/global-setup.mjs');
  const url = new URL(server);
  url.pathname = `/${process.env['JEST_WORKER_ID'] ?? '1'}`;
  return url.href;
}

/** Host, port, credentials and database of a `redis://` URL. */
export function addressOf(
  url: string,
): { host: string; port: number; db: number } & Pick<RedisOptions, 'username' | 'password'> {
  const { hostname, port, pathname, username, password } = new URL(url);
  return {
    host: hostname,
    port: Number(port || 6379),
    db: Number(pathname.slice(1) || 0),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  };
}

/** An ioredis client on the worker's database, or elsewhere by `options`; closed when the test file ends. */
export function connect(options: RedisOptions = {}): Redis {
  // With `replyMapping: 'resp3'` replies have other types than those of `Redis`; tests of that option know.
  // A lingering socket is given up soon: the default of two seconds would delay the end of Jest.
  const all = { ...addressOf(redisUrl()), disconnectTimeout: 100, ...options } as RedisOptions & {
    replyMapping?: 'legacy';
  };
  return tracked(new Redis(all));
}

/** Keeps a client quiet while its server is down, and closes it when the test file ends. */
export function tracked<Client extends Redis | Cluster>(client: Client): Client {
  // Tests break connections on purpose. Commands still reject; only the print-out of ioredis for lack of a listener is avoided.
  client.on('error', () => undefined);
  onFileEnd(() => closeClient(client));
  return client;
}

/** Disconnects, and waits for the end so that no socket outlives the test. */
export async function closeClient(client: Redis | Cluster): Promise<void> {
  // A client between two attempts has no socket, and ioredis announces no end for it.
  const hasEnd = client.status !== 'end' && client.status !== 'reconnecting';
  const ended = hasEnd ? new Promise((resolve) => client.once('end', resolve)) : undefined;
  if (client.status !== 'end') client.disconnect();
  await within(3000, Promise.resolve(ended));
}

const prefixes: string[] = [];

/**
 * `<name>-<random>:`, different on each call. Keys under it are removed from the worker's database when the test file ends.
 */
export function uniquePrefix(name: string): string {
  const prefix = `${name}-${randomBytes(6).toString('hex')}:`;
  if (prefixes.push(prefix) === 1) onFileEnd(removePrefixes);
  return prefix;
}

async function removePrefixes(): Promise<void> {
  const redis = new Redis(redisUrl());
  const keys = await keysUnder(redis, '*');
  const ours = keys.filter((key) => prefixes.some((prefix) => key.startsWith(prefix)));
  if (ours.length > 0) await redis.unlink(ours);
  await closeClient(redis);
}
