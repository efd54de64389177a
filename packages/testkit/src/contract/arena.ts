import type { Redis, RedisOptions } from 'ioredis';
import { dedicatedRedis, type DedicatedRedis } from '../dedicated.js';
import { jestGlobals } from '../jest-globals.js';
import { escapeGlob, keysUnder } from '../keys.js';
import { startProxy, type FaultProxy } from '../proxy/fault-proxy.js';
import { closeClient, uniquePrefix } from '../redis.js';
import type { ContractHandle, Specimen } from './subject.js';

/** Deadline that the contract gives to each instance. */
export const deadlineMs = 150;

/**
 * How long a use may take while Redis is unreachable: a few deadlines one after the other, and a busy machine. Whoever waits
 * for the client instead (which tries for a minute by default) is far beyond.
 */
export const answerWithinMs = 1_500;

/** One instance under test. */
export interface Trial<Outcome> {
  readonly handle: ContractHandle;
  readonly prefix: string;
  /** The client that the instance was given. */
  readonly redis: Redis;
  /** Uses the instance once. */
  readonly use: () => Promise<Outcome>;
  /** The keys under the instance's prefix, seen from outside. */
  readonly keys: () => Promise<string[]>;
}

/** A server, a network that can fail, and instances; one per contract, set up and mended by hooks. */
export class Arena<Outcome> {
  readonly specimen: Specimen<Outcome>;
  readonly #handles: ContractHandle[] = [];
  readonly #clients: Redis[] = [];
  #parts: { server: DedicatedRedis; proxy: FaultProxy; direct: Redis } | undefined;

  constructor(specimen: Specimen<Outcome>) {
    const { beforeAll, afterEach } = jestGlobals();
    this.specimen = specimen;
    beforeAll(async () => {
      const server = await dedicatedRedis();
      this.#parts = { server, proxy: await startProxy({ port: server.port }), direct: server.client() };
    });
    afterEach(async () => {
      this.server.resume();
      await this.proxy.heal();
      for (const handle of this.#handles.splice(0)) await handle.close?.();
      await Promise.all(this.#clients.splice(0).map(closeClient));
    });
  }

  /** The real server behind the proxy, for pausing and flushing scripts. */
  get server(): DedicatedRedis {
    return this.#ready.server;
  }

  /** The network between the instances and the server. */
  get proxy(): FaultProxy {
    return this.#ready.proxy;
  }

  /** A client of the contract's own that no fault reaches. */
  get direct(): Redis {
    return this.#ready.direct;
  }

  /** A client as users have it: the defaults of ioredis, but for a reconnection that does not dawdle. */
  client(options: RedisOptions = {}): Redis {
    const client = this.proxy.client({ retryStrategy: () => 50, ...options });
    this.#clients.push(client);
    return client;
  }

  /** Options that are right, to be made wrong in one place. */
  options(overrides: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    const bounded = this.specimen.subject.lacks?.includes('deadlineMs') ? {} : { deadlineMs };
    return {
      ...bounded,
      ...this.specimen.options,
      redis: this.client(),
      prefix: uniquePrefix('contract'),
      ...overrides,
    };
  }

  /** Makes an instance and gets it ready for use. */
  async start(overrides: Readonly<Record<string, unknown>> = {}): Promise<Trial<Outcome>> {
    const options = this.options(overrides);
    const redis = options['redis'] as Redis;
    const prefix = String(options['prefix']);
    const handle = this.specimen.create(options);
    this.#handles.push(handle);
    const pattern = `${escapeGlob(`${redis.options.keyPrefix ?? ''}${prefix}`)}*`;
    const use = await this.specimen.install(handle);
    return { handle, prefix, redis, use, keys: () => keysUnder(this.direct, pattern) };
  }

  get #ready() {
    if (this.#parts === undefined) throw new Error('The arena is set up by beforeAll: use it inside of tests only');
    return this.#parts;
  }
}
