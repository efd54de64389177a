// A second connection to where a client is connected, to be called on: the client itself can't subscribe. It speaks RESP2
// whatever the client speaks. It is made anew as long as it is wanted, on a Cluster on whichever node serves, keeps no
// process alive, and ends with the client that it was made from. (As in @sallyport/cache; features don't share code.)

import { masterClients, type RedisClient } from '@sallyport/core';

const RETRY_MS = 50;
/** A server that accepts and then says nothing is left after this time. */
const READY_MS = 3_000;

/** A client that may listen. */
export interface SideClient extends RedisClient {
  disconnect(): void;
}

/** Tells about the life of the connection; `onUp` and `onDown` take turns. */
export interface SideListener {
  readonly onUp: (client: SideClient) => void;
  readonly onDown: () => void;
}

export interface SideConnection {
  /** Whether it has ended for good, by `close()` or with the client. */
  readonly isClosed: boolean;
  /** Ends the present connection; another is made. */
  restart(): void;
  close(): void;
}

/** Connects to where `redis` is connected. */
export function openSideConnection(redis: RedisClient, listener: SideListener): SideConnection {
  let client: SideClient | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let isUp = false;

  function goDown(): void {
    if (isUp) listener.onDown();
    isUp = false;
  }

  function connect(): void {
    const node = masterClients(redis)[0] as (RedisClient & { duplicate(options: object): SideClient }) | undefined;
    if (node === undefined) return retry();
    const made = node.duplicate({
      protocol: 2,
      keyPrefix: '',
      lazyConnect: false,
      enableReadyCheck: true,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: true,
      maxRetriesPerRequest: 0,
      connectTimeout: 2_000,
      // Silence is normal here, and a beat finds out what was missed.
      socketTimeout: undefined,
      commandTimeout: undefined,
      retryStrategy: () => null,
      sentinelRetryStrategy: () => null,
    });
    client = made;
    timer = setTimeout(() => !isUp && client === made && restart(), READY_MS).unref();
    // What fails is told by "end".
    made.on('error', () => undefined);
    made.on('connect', () => {
      const { stream } = made as { stream?: { unref?: () => void } };
      stream?.unref?.();
    });
    made.on('ready', () => {
      if (isClosed || client !== made) return;
      isUp = true;
      clearTimeout(timer);
      listener.onUp(made);
    });
    made.on('end', () => {
      if (client !== made) return;
      client = undefined;
      goDown();
      clearTimeout(timer);
      retry();
    });
  }

  function retry(): void {
    if (isClosed) return;
    timer = setTimeout(connect, RETRY_MS * (1 + Math.random())).unref();
  }

  function drop(): void {
    const old = client;
    client = undefined;
    goDown();
    old?.disconnect();
  }

  function restart(): void {
    drop();
    clearTimeout(timer);
    retry();
  }

  const connection: SideConnection = {
    get isClosed() {
      return isClosed;
    },
    restart,
    close() {
      isClosed = true;
      clearTimeout(timer);
      drop();
      followersOf(redis).delete(connection);
    },
  };
  followersOf(redis).add(connection);
  connect();
  return connection;
}

const followers = new WeakMap<RedisClient, Set<SideConnection>>();

/** The connections that follow a client: two listeners on it, however many they are. */
function followersOf(redis: RedisClient): Set<SideConnection> {
  const known = followers.get(redis);
  if (known !== undefined) return known;
  const all = new Set<SideConnection>();
  followers.set(redis, all);
  redis.on('end', () => {
    for (const connection of all) connection.close();
  });
  // The client may be on its way to another server: a new master after a failover.
  redis.on('close', () => {
    for (const connection of all) connection.restart();
  });
  return all;
}
