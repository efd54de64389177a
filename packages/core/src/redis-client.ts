// The part of an ioredis client that Sallyport uses. Structural, so that ioredis 5.11+ and 6, `Redis` and `Cluster`, and
// two copies of ioredis in one dependency tree are all accepted.

/** What may be sent to Redis as one argument. */
export type RedisArgument = string | Buffer | number;

/** An ioredis client (5.11 or newer, 6), single or Cluster. Sallyport never changes its settings and never closes it. */
export interface RedisClient {
  readonly status: string;
  readonly options: { readonly keyPrefix?: string | undefined };
  call(command: string, ...args: RedisArgument[]): Promise<unknown>;
  callBuffer(command: string, ...args: RedisArgument[]): Promise<unknown>;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** Whether `value` has the methods of an ioredis client; a node-redis client (no `call`) is told apart. */
export function isRedisClient(value: unknown): value is RedisClient {
  const { status, call, callBuffer } = Object(value) as Partial<RedisClient>;
  return typeof status === 'string' && typeof call === 'function' && typeof callBuffer === 'function';
}

/** The clients of all master nodes of a Cluster, or the client itself when it is a single node. */
export function masterClients(redis: RedisClient): RedisClient[] {
  const { nodes } = redis as { nodes?: (role: 'master') => RedisClient[] };
  return typeof nodes === 'function' ? nodes.call(redis, 'master') : [redis];
}
