import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { Redis, RedisOptions } from 'ioredis';
import { onFileEnd } from '../cleanup.js';
import { addressOf, connect, redisUrl } from '../redis.js';
import { Link, type LinkObserver, type LinkState } from './link.js';

/** Which server a proxy stands in front of. */
export interface ProxyTarget {
  /** @default the shared Redis of the tests, with the worker's database */
  readonly port?: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** The database that `url` and `client()` select. @default 0 when a port is given */
  readonly db?: number;
}

/** The transport that the proxies share: accepts connections on a port of its own and links each to the target. */
export class Relay {
  readonly host = '127.0.0.1';
  readonly #target: { host: string; port: number; db: number };
  readonly #links = new Set<Link>();
  readonly #server;
  #port = 0;

  constructor(target: ProxyTarget, state: LinkState, observer: Omit<LinkObserver, 'onEnd'>) {
    const { port, host = '127.0.0.1', db = 0 } = target;
    this.#target = port === undefined ? addressOf(redisUrl()) : { host, port, db };
    this.#server = createServer((client: Socket) => {
      const link: Link = new Link(client, this.#target, state, { ...observer, onEnd: () => this.#links.delete(link) });
      this.#links.add(link);
    });
    onFileEnd(() => this.close());
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `redis://${this.host}:${this.#port}/${this.#target.db}`;
  }

  /** Number of connected clients. */
  get connections(): number {
    return [...this.#links].filter((link) => link.isOpen).length;
  }

  /** To be called after a change of the state. */
  pump(): void {
    for (const link of this.#links) link.pump();
  }

  /** An ioredis client through the relay, closed when the test file ends. */
  client(options: RedisOptions = {}): Redis {
    return connect({ host: this.host, port: this.#port, db: this.#target.db, ...options });
  }

  /** Listens; on the same port again after a {@link close}. */
  async open(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.#port, this.host);
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    for (const link of this.#links) link.cut();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.cut();
    await closed;
  }
}
