import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dedicatedCluster, dedicatedRedis, deferred, until, type DedicatedCluster } from '@sallyport/testkit';
import type { Cluster, Redis } from 'ioredis';
import type { CacheOptions } from '../src/index.js';
import { clientLibraries } from './client-libraries.js';
import { cacheFixture } from './fixture.js';

const server = await dedicatedRedis();

describe.each(clientLibraries)('createCache() on $library', ({ module }) => {
  const open: (Redis | Cluster)[] = [];
  let cluster: DedicatedCluster;
  beforeAll(async () => {
    cluster = await dedicatedCluster();
  }, 60_000);
  afterAll(() => open.forEach((client) => client.disconnect()));

  function single(options: object = {}): Redis {
    const client = new module.Redis({ host: server.host, port: server.port, ...options });
    open.push(client);
    return client;
  }
  function clustered(): Cluster {
    const client = new module.Cluster(cluster.nodes);
    open.push(client);
    return client;
  }
  const kinds = [
    ['a single node', () => single()],
    ['a single node in RESP2, with a keyPrefix', () => single({ protocol: 2, keyPrefix: 'app:' })],
    ['a Cluster', () => clustered()],
  ] as const;

  it.each(kinds)('wakes, purges, softens and remembers, on %s', async (_kind, client) => {
    const settings: Partial<CacheOptions> = { redis: client(), l1: {}, leaseMs: 60_000 };
    const { cache, elsewhere, events } = cacheFixture(settings);
    const other = elsewhere({ redis: client(), l1: false });
    await until(() => events.some((event) => event.type === 'l1' && event.isArmed), { timeoutMs: 10_000 });

    const gate = deferred<{ n: number }>();
    const started = deferred();
    const options = { tags: ['tag'], swrMs: 60_000 };
    const loading = other.getOrSet('key', () => (started.resolve(), gate.promise), options);
    await started.promise;
    const waiting = cache.getOrSet('key', () => ({ n: -1 }), options);
    await until(() => events.some(({ type }) => type === 'wait'));
    gate.resolve({ n: 1 });
    expect([await loading, await waiting]).toStrictEqual([{ n: 1 }, { n: 1 }]);

    await until(async () => (await cache.get('key')) === (await cache.get('key')));
    await other.set('key', Buffer.from([0, 255]), options);
    await until(async () => Buffer.isBuffer(await cache.get('key')), { timeoutMs: 1_500 });
    await other.invalidateTags(['tag'], { soft: true });
    await until(async () => (await cache.get('key')) === undefined, { timeoutMs: 1_500 });
    expect(await other.getOrSet<unknown>('key', () => 'new', options)).toStrictEqual(Buffer.from([0, 255]));
    await until(async () => (await other.get('key')) === 'new');
    await other.clear();
    expect(await other.getMany(['key', 'none'])).toStrictEqual([undefined, undefined]);
    await cache.close();
  });
});
