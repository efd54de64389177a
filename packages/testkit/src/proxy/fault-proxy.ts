import type { Redis, RedisOptions } from 'ioredis';
import type { LinkState, ProxiedCommand } from './link.js';
import { Relay, type ProxyTarget } from './relay.js';

/** A Redis behind a network that fails on demand. Faults last until {@link FaultProxy.heal}. */
export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  /** `redis://<host>:<port>/<db>` */
  readonly url: string;
  /** An ioredis client through the proxy, closed when the test file ends. */
  readonly client: (options?: RedisOptions) => Redis;
  /** Every reply arrives `ms` later; with `'requests'` or `'both'` the commands do. */
  readonly delay: (ms: number, direction?: 'replies' | 'requests' | 'both') => void;
  /**
   * The server executes the command, its reply is lost and the connection breaks, so that the client cannot know. A number
   * drops that many replies, one connection each; a predicate, those of the commands that it picks. Handshakes are spared.
   */
  readonly dropReplies: (which: number | ((command: ProxiedCommand) => boolean)) => void;
  /** Connections stay open and new ones are accepted, but nothing passes. What was sent meanwhile arrives after healing. */
  readonly blackHole: () => void;
  /** Breaks all connections once; new ones work. */
  readonly cut: () => void;
  /** Breaks all connections and refuses new ones. */
  readonly refuse: () => Promise<void>;
  /** Ends all faults; listens again on the same port. */
  readonly heal: () => Promise<void>;
  /** Number of commands received so far, without handshakes; shows whether the network is used at all. */
  readonly commands: () => number;
  /** Number of open client connections. */
  readonly connections: () => number;
  /** Stops for good. Done by itself when the test file ends. */
  readonly close: () => Promise<void>;
}

/** Puts a proxy in front of the Redis on `target.port`, or in front of the worker's own database. */
export async function startProxy(target: ProxyTarget = {}): Promise<FaultProxy> {
  const state: LinkState = { requests: { delayMs: 0, isHeld: false }, replies: { delayMs: 0, isHeld: false } };
  let isDropped: (command: ProxiedCommand) => boolean = () => false;
  let commands = 0;
  const relay = new Relay(target, state, {
    onCommand(command) {
      if (!command.isHandshake) commands += 1;
    },
    onReply: (command) => command.isHandshake || !isDropped(command),
    onClose: () => undefined,
  });
  await relay.open();

  const hold = (isHeld: boolean) => {
    state.requests.isHeld = isHeld;
    state.replies.isHeld = isHeld;
    relay.pump();
  };
  return {
    host: relay.host,
    port: relay.port,
    url: relay.url,
    client: (options) => relay.client(options),
    delay(ms, direction = 'replies') {
      state.replies.delayMs = direction === 'requests' ? 0 : ms;
      state.requests.delayMs = direction === 'replies' ? 0 : ms;
    },
    dropReplies(which) {
      let left = typeof which === 'number' ? which : 0;
      isDropped = typeof which === 'number' ? () => left-- > 0 : which;
    },
    blackHole: () => hold(true),
    cut: () => relay.cut(),
    refuse: () => relay.close(),
    async heal() {
      state.requests.delayMs = 0;
      state.replies.delayMs = 0;
      isDropped = () => false;
      hold(false);
      await relay.open();
    },
    commands: () => commands,
    connections: () => relay.connections,
    close: () => relay.close(),
  };
}
