import type { Redis, RedisOptions } from 'ioredis';
import type { LinkState, ProxiedCommand } from './link.js';
import { Relay, type ProxyTarget } from './relay.js';

/** Counts what clients send over the wire, on all their connections. */
export interface CountingProxy {
  readonly host: string;
  readonly port: number;
  /** `redis://<host>:<port>/<db>` */
  readonly url: string;
  /** An ioredis client through the proxy, closed when the test file ends. */
  readonly client: (options?: RedisOptions) => Redis;
  /** Calls per command since the last reset, lower case; without the handshakes of connections. */
  readonly commands: () => Readonly<Record<string, number>>;
  /** The same commands in the order in which they were sent. */
  readonly log: () => readonly ProxiedCommand[];
  /** Sum of {@link commands}. */
  readonly total: () => number;
  /**
   * How often a command was sent while no other was waiting for its reply: the number of waits one after the other. Commands
   * in one pipeline, or sent in parallel, share a round trip.
   */
  readonly roundTrips: () => number;
  readonly reset: () => void;
  /** Stops for good. Done by itself when the test file ends. */
  readonly close: () => Promise<void>;
}

/** A target, and how far it is away. */
export interface CountingProxyOptions extends ProxyTarget {
  /**
   * Milliseconds by which commands are delayed. A distance makes {@link CountingProxy.roundTrips} robust: commands that do not
   * wait for each other then overlap for sure. @default 0
   */
  readonly delayMs?: number;
}

/** Puts a counter in front of the Redis on `options.port`, or in front of the worker's own database. */
export async function countingProxy(options: CountingProxyOptions = {}): Promise<CountingProxy> {
  const { delayMs = 0, ...target } = options;
  const state: LinkState = { requests: { delayMs, isHeld: false }, replies: { delayMs: 0, isHeld: false } };
  const inFlight = new Set<ProxiedCommand>();
  let log: ProxiedCommand[] = [];
  let roundTrips = 0;
  const relay = new Relay(target, state, {
    onCommand(command) {
      if (command.isHandshake) return;
      log.push(command);
      if (!command.isAnswered) return;
      if (inFlight.size === 0) roundTrips += 1;
      inFlight.add(command);
    },
    onReply(command) {
      inFlight.delete(command);
      return true;
    },
    onClose(unanswered) {
      for (const command of unanswered) inFlight.delete(command);
    },
  });
  await relay.open();
  return {
    host: relay.host,
    port: relay.port,
    url: relay.url,
    client: (clientOptions) => relay.client(clientOptions),
    commands() {
      const counts: Record<string, number> = {};
      for (const { name } of log) counts[name] = (counts[name] ?? 0) + 1;
      return counts;
    },
    log: () => [...log],
    total: () => log.length,
    roundTrips: () => roundTrips,
    reset() {
      log = [];
      roundTrips = 0;
    },
    close: () => relay.close(),
  };
}
