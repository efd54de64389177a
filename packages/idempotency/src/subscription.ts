// Hears what is published on channels of the Redis that a client is connected to. One connection per client and process,
// made when somebody first listens: the client itself cannot. It speaks RESP2 whatever the client speaks, because ioredis
// drops the pushes of RESP3; it is made anew as long as somebody listens, and keeps no process alive. A message can be lost
// with a connection, so listeners are told when it breaks and when it is back.

import { masterClients, type RedisClient } from '@sallyport/core';

const RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;
/** A server that accepts and then says nothing is left after this time. */
const READY_MS = 3_000;

/** Somebody who listens to one channel. */
export interface ChannelListener {
  onMessage(text: string): void;
  /** Messages may have been lost. */
  onGap(): void;
}

/** One listener's hold on a channel. */
export interface Subscription {
  /** `performance.now()` since when nothing was missed; `undefined` while nothing is heard. */
  readonly liveSince: number | undefined;
  close(): void;
}

interface ListeningClient extends RedisClient {
  disconnect(): void;
}

const subscribers = new WeakMap<RedisClient, Subscriber>();

/** Listens to a channel. Messages come as soon as the connection is there. */
export function subscribe(redis: RedisClient, channel: string, listener: ChannelListener): Subscription {
  const known = subscribers.get(redis) ?? new Subscriber(redis);
  subscribers.set(redis, known);
  return known.add(channel, listener);
}

class Subscriber {
  readonly #redis: RedisClient;
  readonly #listeners = new Map<string, Set<ChannelListener>>();
  readonly #liveSince = new Map<string, number>();
  readonly #end = () => this.#stop();
  readonly #leave = () => this.#drop();
  readonly #follow = () => this.#connect();
  #client: ListeningClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS;

  constructor(redis: RedisClient) {
    this.#redis = redis;
  }

  add(channel: string, listener: ChannelListener): Subscription {
    const isFirst = this.#listeners.size === 0;
    const onChannel = this.#listeners.get(channel) ?? new Set();
    const isNew = onChannel.size === 0;
    this.#listeners.set(channel, onChannel.add(listener));
    if (isFirst) this.#start();
    else if (isNew && this.#client?.status === 'ready') void this.#hear(this.#client, channel);
    const liveSince = () => this.#liveSince.get(channel);
    return {
      get liveSince() {
        return liveSince();
      },
      close: () => {
        onChannel.delete(listener);
        if (onChannel.size > 0 || this.#listeners.get(channel) !== onChannel) return;
        this.#listeners.delete(channel);
        this.#liveSince.delete(channel);
        if (this.#listeners.size === 0) this.#stop();
        else this.#client?.call('unsubscribe', channel).catch(() => undefined);
      },
    };
  }

  #start(): void {
    // It ends with the client, and follows it to another server: a new master after a failover. A client that is closed
    // while it has no connection does not say so: that it has none must be enough to leave it alone.
    this.#redis.on('end', this.#end);
    this.#redis.on('close', this.#leave);
    this.#redis.on('ready', this.#follow);
    this.#connect();
  }

  #stop(): void {
    this.#redis.off('end', this.#end);
    this.#redis.off('close', this.#leave);
    this.#redis.off('ready', this.#follow);
    subscribers.delete(this.#redis);
    const client = this.#client;
    this.#client = undefined;
    clearTimeout(this.#timer);
    client?.disconnect();
    this.#tellGap();
    this.#listeners.clear();
  }

  #connect(): void {
    if (this.#client !== undefined || this.#redis.status !== 'ready') return;
    const nodes = masterClients(this.#redis) as (RedisClient & { duplicate(options: object): ListeningClient })[];
    // The clients of a Cluster's nodes connect when they are first used.
    const node = nodes.find(({ status }) => status === 'ready') ?? nodes.find(({ status }) => status === 'wait');
    if (node === undefined) return this.#retry();
    const client = node.duplicate({
      protocol: 2,
      keyPrefix: '',
      lazyConnect: false,
      enableReadyCheck: true,
      // What was missed meanwhile is asked for when it is said that the channel is live.
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: true,
      maxRetriesPerRequest: 0,
      connectTimeout: 2_000,
      // Silence is normal here.
      socketTimeout: undefined,
      commandTimeout: undefined,
      retryStrategy: () => null,
      sentinelRetryStrategy: () => null,
    });
    this.#client = client;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#drop(), READY_MS).unref();
    // What fails is told by "end".
    client.on('error', () => undefined);
    client.on('connect', () => (client as { stream?: { unref?: () => void } }).stream?.unref?.());
    client.on('message', (channel, message) => this.#receive(String(channel), String(message)));
    client.on('ready', () => {
      if (this.#client !== client) return;
      clearTimeout(this.#timer);
      this.#retryMs = RETRY_MS;
      for (const channel of this.#listeners.keys()) void this.#hear(client, channel);
    });
    client.on('end', () => this.#client === client && this.#drop());
  }

  async #hear(client: ListeningClient, channel: string): Promise<void> {
    try {
      await client.call('subscribe', channel);
    } catch {
      // Refused by the server's ACL, or the connection is gone: those who wait look by themselves.
      return;
    }
    const listeners = this.#listeners.get(channel);
    if (this.#client !== client || listeners === undefined) return;
    this.#liveSince.set(channel, performance.now());
    for (const listener of listeners) listener.onGap();
  }

  #receive(channel: string, text: string): void {
    for (const listener of this.#listeners.get(channel) ?? []) listener.onMessage(text);
  }

  /** Leaves the present connection; another is made. */
  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.disconnect();
    this.#tellGap();
    this.#retry();
  }

  #tellGap(): void {
    this.#liveSince.clear();
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener.onGap();
  }

  #retry(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), this.#retryMs * (0.5 + Math.random())).unref();
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }
}
