import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  dedicatedCluster,
  expectTtlOnAllKeys,
  expressVersions,
  until,
  type DedicatedCluster,
} from '@sallyport/testkit';
import { responseCache } from '../src/index.js';
import { site } from './fixture.js';

describe('responseCache() on a Cluster', () => {
  let cluster: DedicatedCluster;
  beforeAll(async () => {
    cluster = await dedicatedCluster();
  }, 60_000);

  it.each(expressVersions)('stores, varies and purges on all nodes, with $name', async ({ express }) => {
    const redis = cluster.client();
    const shop = site(express, { redis, tags: (req) => [`path:${req.path}`] });
    shop.serve((req, res) => void res.vary('Accept').send(`${shop.runs.count} ${req.path}`));
    const paths = Array.from({ length: 20 }, (_path, index) => `/page-${index}`);
    for (const path of paths) expect(await shop.get(path)).toMatchObject({ cache: 'MISS' });
    for (const path of paths) expect(await shop.get(path)).toMatchObject({ cache: 'HIT' });
    await expectTtlOnAllKeys(redis, shop.prefix);
    await shop.cached.invalidateTags(['path:/page-3']);
    expect(await shop.cached.invalidate('/page-4')).toBe(1);
    expect((await shop.get('/page-3')).cache).toBe('MISS');
    expect((await shop.get('/page-4')).cache).toBe('MISS');
    expect((await shop.get('/page-5')).cache).toBe('HIT');
    await shop.cached.clear();
    for (const path of paths) expect((await shop.get(path)).cache).toBe('MISS');
  });

  it.each(expressVersions)(
    'answers from memory, and obeys a purge by another client, with $name',
    async ({ express }) => {
      const redis = cluster.client();
      const shop = site(express, { redis, l1: {}, tags: (req) => [`path:${req.path}`] });
      shop.serve((req, res) => void res.vary('Accept').send(`${shop.runs.count} ${req.path}`));
      await until(() => shop.events.some((event) => event.type === 'l1' && event.isArmed));
      const { prefix } = shop;
      const elsewhere = responseCache({ redis: cluster.client(), prefix, ttlMs: 60_000, deadlineMs: 5_000 });
      const paths = Array.from({ length: 12 }, (_path, index) => `/page-${index}`);
      const askAll = async () => {
        const answers = [];
        for (const path of paths) answers.push(await shop.get(path));
        return answers;
      };
      let sent = 0;
      const send = redis.sendCommand.bind(redis) as (...args: unknown[]) => unknown;
      redis.sendCommand = ((...args: unknown[]) => {
        sent += 1;
        return send(...args);
      }) as typeof redis.sendCommand;
      const counted = async () => {
        const before = sent;
        const result = await askAll();
        return { result, total: sent - before };
      };
      // On all masters: what every one of them holds is kept, and none is asked again.
      await until(async () => (await counted()).total === 0);
      const { result, total } = await counted();
      expect([total, result.every(({ cache }) => cache === 'HIT')]).toStrictEqual([0, true]);
      const old = result.map(({ text }) => text);
      await elsewhere.invalidate('/page-1');
      await elsewhere.invalidateTags(['path:/page-2']);
      const changed = async () => (await askAll()).flatMap(({ text }, index) => (text === old[index] ? [] : [index]));
      await until(async () => (await changed()).length === 2, { timeoutMs: 1_500 });
      expect(await changed()).toStrictEqual([1, 2]);
      await elsewhere.clear();
      await until(async () => (await changed()).length === paths.length, { timeoutMs: 1_500 });
      await shop.cached.close();
    },
  );
});
