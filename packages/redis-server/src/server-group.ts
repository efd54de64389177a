/** What Cluster and Sentinel have in common: servers that are started together, addressed by index, and stopped together. */
import { RedisServerOptionError } from './errors.js';
import type { ManagedServer } from './managed-server.js';

/** Shaped as ioredis takes nodes and sentinels. */
export interface ServerAddress {
  host: string;
  port: number;
}

/** Owns its servers from the construction on: `stop()` is the end of each of them. */
export class ServerGroup {
  readonly #servers: ManagedServer[];

  constructor(servers: ManagedServer[]) {
    this.#servers = servers;
  }

  get addresses(): ServerAddress[] {
    return this.#servers.map(({ host, port }) => ({ host, port }));
  }

  /** Those that can be expected to answer, and the ports of those that cannot because they are down or paused. */
  split(): { answering: ManagedServer[]; silentPorts: number[] } {
    const answering = this.#servers.filter((server) => server.isAnswering);
    const silent = this.#servers.filter((server) => !server.isAnswering);
    return { answering, silentPorts: silent.map((server) => server.port) };
  }

  /** @throws {RedisServerOptionError} when there is no server with that index. */
  at(index: number): ManagedServer {
    const server = Number.isInteger(index) ? this.#servers[index] : undefined;
    if (server) return server;
    throw new RedisServerOptionError(`index must be an integer from 0 to ${this.#servers.length - 1}, got ${index}`);
  }

  /** Starts all at once and runs `form`; if any of it fails, stops all. */
  async start(form: () => Promise<void>): Promise<void> {
    try {
      await startAll(this.#servers);
      await form();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops all at once; safe for servers that never started. */
  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
  }
}

/** Starts servers at once. Throws when all are settled: a start still under way would survive the cleanup that follows. */
export async function startAll(servers: ManagedServer[]): Promise<void> {
  const starts = await Promise.allSettled(servers.map((server) => server.start()));
  for (const outcome of starts) if (outcome.status === 'rejected') throw outcome.reason;
}
