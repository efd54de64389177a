// A second connection to where a client is connected, for pub/sub: the client itself must not be put into that mode. It is
// made anew as long as it is wanted, on a Cluster on whichever node serves (each hears what any of them is told), keeps no
// process alive, and ends with the client that it was made from.

import { masterClients, type RedisClient } from '@sallyport/core';

const RETRY_MS = 100;

interface Listening extends RedisClient {
  disconnect(): void;
}

export interface WatchConnection {
  close(): void;
}

/**
 * Subscribes to `channel`.
 *
 * @param onMessage receives each message
 * @param onSubscribed called whenever it listens again: what was said meanwhile has been missed
 */
export function openWatchConnection(
  redis: RedisClient,
  channel: string,
  onMessage: (message: string) => void,
  onSubscribed: () => void,
): WatchConnection {
  let client: Listening | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function connect(): void {
    const node = masterClients(redis)[0] as (RedisClient & { duplicate(options: object): Listening }) | undefined;
    if (isClosed) return;
    if (node === undefined) return retry();
    const made = node.duplicate({
      // ioredis hands on the messages of RESP2 under every protocol setting.
      protocol: 2,
      keyPrefix: '',
      lazyConnect: false,
      enableReadyCheck: true,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      connectTimeout: 2_000,
      socketTimeout: undefined,
      commandTimeout: undefined,
      retryStrategy: () => null,
      sentinelRetryStrategy: () => null,
    });
    client = made;
    // What fails is told by "end".
    made.on('error', () => undefined);
    made.on('connect', () => (made as { stream?: { unref?: () => void } }).stream?.unref?.());
    made.on('message', (_channel, message) => client === made && onMessage(String(message)));
    made.on('ready', () => {
      made.call('subscribe', channel).then(
        () => client === made && onSubscribed(),
        // Refused (by an ACL) or broken: watching goes on by asking.
        () => made.disconnect(),
      );
    });
    made.on('end', () => {
      if (client !== made) return;
      client = undefined;
      retry();
    });
  }

  function retry(): void {
    if (!isClosed) timer = setTimeout(connect, RETRY_MS * (1 + Math.random())).unref();
  }

  function close(): void {
    isClosed = true;
    clearTimeout(timer);
    redis.off('end', close);
    client?.disconnect();
    client = undefined;
  }

  redis.on('end', close);
  connect();
  return { close };
}
