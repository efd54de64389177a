// Lets the process be called when it is a waiter's turn. One connection per client and process, made when somebody first
// waits, given up soon after the last one has gone. A call can be lost — the connection breaks, Redis refuses SUBSCRIBE —
// so nobody relies on it: the waiting room asks by itself, and at once when the connection comes or goes.

import type { RedisClient } from '@sallyport/core';
import { newProcessId } from './owner.js';
import { openSideConnection, type SideClient, type SideConnection } from './side-connection.js';
import type { Listening, WaitingRoom } from './waiting.js';

/** How long the connection outlives the last waiter, so that a busy lock does not connect for each. */
const LINGER_MS = 1_000;

/** The rooms that are called on one channel. */
interface Channel {
  readonly rooms: Map<WaitingRoom, number>;
  isLive: boolean;
}

const callsByClient = new WeakMap<RedisClient, Calls>();

/** Gives the calls that all locks on one client share. */
export function callsOf(redis: RedisClient): Calls {
  const calls = callsByClient.get(redis) ?? new Calls(redis);
  callsByClient.set(redis, calls);
  return calls;
}

/** What this process hears, on behalf of one client. */
export class Calls {
  /** By this name the process is called. */
  readonly processId = newProcessId();
  readonly #redis: RedisClient;
  readonly #channels = new Map<string, Channel>();
  #connection: SideConnection | undefined;
  #client: SideClient | undefined;
  #lingering: NodeJS.Timeout | undefined;

  constructor(redis: RedisClient) {
    this.#redis = redis;
  }

  /** Begins to hear calls for `room` on the channel `<channelPrefix><process id>`. */
  listen(channelPrefix: string, room: WaitingRoom): Listening {
    const name = channelPrefix + this.processId;
    const channel = this.#channels.get(name) ?? this.#addChannel(name);
    channel.rooms.set(room, (channel.rooms.get(room) ?? 0) + 1);
    clearTimeout(this.#lingering);
    if (this.#connection === undefined || this.#connection.isClosed) this.#open();
    return {
      get isLive() {
        return channel.isLive;
      },
      stop: () => this.#stop(channel, room),
    };
  }

  #addChannel(name: string): Channel {
    const channel = { rooms: new Map<WaitingRoom, number>(), isLive: false };
    this.#channels.set(name, channel);
    if (this.#client !== undefined) void this.#subscribe(this.#client, name, channel);
    return channel;
  }

  #stop(channel: Channel, room: WaitingRoom): void {
    const left = (channel.rooms.get(room) ?? 0) - 1;
    if (left > 0) channel.rooms.set(room, left);
    else channel.rooms.delete(room);
    for (const { rooms } of this.#channels.values()) if (rooms.size > 0) return;
    clearTimeout(this.#lingering);
    this.#lingering = setTimeout(() => this.#close(), LINGER_MS).unref();
  }

  #close(): void {
    this.#connection?.close();
    this.#connection = undefined;
    this.#client = undefined;
    this.#channels.clear();
  }

  #open(): void {
    this.#connection = openSideConnection(this.#redis, {
      onUp: (made) => {
        this.#client = made;
        made.on('message', (name, owner) => {
          for (const room of this.#channels.get(String(name))?.rooms.keys() ?? []) room.call(String(owner));
        });
        for (const [name, channel] of this.#channels) void this.#subscribe(made, name, channel);
      },
      onDown: () => {
        this.#client = undefined;
        for (const channel of this.#channels.values()) {
          channel.isLive = false;
          callAll(channel);
        }
      },
    });
  }

  async #subscribe(client: SideClient, name: string, channel: Channel): Promise<void> {
    try {
      await client.call('subscribe', name);
    } catch {
      // Refused by the server's ACL, or the connection is gone: those who wait ask by themselves.
      return;
    }
    if (this.#client !== client) return;
    channel.isLive = true;
    // What was called before could not be heard.
    callAll(channel);
  }
}

function callAll({ rooms }: Channel): void {
  for (const room of rooms.keys()) room.callAll();
}
