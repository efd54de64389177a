import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  countCommands,
  dedicatedCluster,
  redisUrl,
  startProxy,
  uniquePrefix,
  until,
  type DedicatedCluster,
} from '@sallyport/testkit';
import express from 'express';
import type { Cluster, Redis } from 'ioredis';
import request from 'supertest';
import type * as Api from '../src/index.js';
import type { RateLimiterOptions } from '../src/index.js';
import { clientLibraries } from './client-libraries.js';

// `send-once.ts` is written against the inside of ioredis: each pair of the copy that it imports and the copy that made the
// client, because two may be in one dependency tree.

const DAY = 86_400_000;
const LIMIT = 1_000;
const pairs = clientLibraries.flatMap((client) =>
  clientLibraries.map((own) => ({
    client: client.library,
    own: own.library,
    created: client.module,
    imported: own.module,
  })),
);

let cluster: DedicatedCluster;
beforeAll(async () => {
  cluster = await dedicatedCluster();
}, 60_000);

describe.each(pairs)('a client of $client, and $own in this package', ({ created, imported }) => {
  const clients: (Redis | Cluster)[] = [];
  let api: typeof Api;

  beforeAll(async () => {
    jest.resetModules();
    jest.unstable_mockModule('ioredis', () => ({ ...imported }));
    api = await import('../src/index.js');
  });

  afterAll(() => {
    for (const client of clients) client.disconnect();
  });

  function tracked<Client extends Redis | Cluster>(client: Client): Client {
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  }

  const connect = (url: string) => tracked(new created.Redis(url, { retryStrategy: () => 5, disconnectTimeout: 100 }));

  function limiterFor(options: Pick<RateLimiterOptions, 'redis'> & Partial<RateLimiterOptions>) {
    const limiter = api.createRateLimiter({
      limit: LIMIT,
      windowMs: DAY,
      name: 'n',
      prefix: uniquePrefix('rate-limit-libraries'),
      deadlineMs: 5_000,
      deniedCacheMs: 0,
      onStoreFailure: 'closed',
      ...options,
    });
    const charged = async (key: string) => LIMIT - ((await limiter.get(key))?.policies[0]?.remaining ?? LIMIT);
    return { limiter, charged };
  }

  it('answers requests, with one command each', async () => {
    const redis = connect(redisUrl());
    const app = express();
    app.use(
      api.rateLimit({
        redis,
        limit: 2,
        windowMs: DAY,
        prefix: uniquePrefix('rate-limit-libraries'),
        deadlineMs: 5_000,
      }),
    );
    app.get('/', (_req, res) => void res.end('ok'));
    await request(app).get('/').expect(200);
    const used = await countCommands(redis, async () => {
      const { headers } = await request(app).get('/').expect(200);
      expect(headers['x-ratelimit-remaining']).toBe('0');
      const { body } = await request(app).get('/').expect(429);
      expect(body.title).toBe('Quota Exceeded');
    });
    expect(used.commands).toEqual({ evalsha: 2 });
  });

  it('charges a request once whose reply was lost', async () => {
    const proxy = await startProxy();
    const { limiter, charged } = limiterFor({ redis: connect(proxy.url) });
    expect(await limiter.consume('ann')).toMatchObject({ outcome: 'allowed' });
    let lost = 0;
    proxy.dropReplies(({ name }) => name === 'evalsha' && (lost += 1) === 1);
    expect(await limiter.consume('ann')).toMatchObject({ outcome: 'degraded' });
    await until(async () => (await charged('ann')) === 2);
    expect(await limiter.consume('ann')).toMatchObject({ outcome: 'allowed' });
    expect(await charged('ann')).toBe(3);
  });

  it('follows MOVED in a Cluster, and charges once', async () => {
    const redis = tracked(new created.Cluster(cluster.nodes));
    const { limiter, charged } = limiterFor({ redis, prefix: uniquePrefix('moved') });
    await limiter.consume('warm-up');
    // A client that has the slots wrong sends each command to the wrong node first.
    Reflect.set(redis, 'slots', Reflect.get(redis, 'slots').toReversed());
    for (const key of ['ann', '{bob}', '}{', 'x{y}z']) {
      for (let asked = 1; asked <= 3; asked += 1) {
        expect(await limiter.consume(key)).toMatchObject({
          outcome: 'allowed',
          policies: [{ remaining: LIMIT - asked }],
        });
      }
      expect(await charged(key)).toBe(3);
    }
  });

  it('follows ASK while a slot of a Cluster moves, and charges once', async () => {
    const redis = tracked(new created.Cluster(cluster.nodes));
    const { limiter, charged } = limiterFor({ redis, prefix: uniquePrefix('ask') });
    await limiter.consume('warm-up');
    // A slot that holds nothing yet: it can be handed over as it is.
    const key = uniquePrefix('client');
    const slot = await redis.cluster('KEYSLOT', key);
    const nodes = await Promise.all(
      cluster.nodes.map(async ({ port }) => {
        const node = connect(`redis://127.0.0.1:${port}`);
        const [range] = (await node.cluster('SLOTS')).filter(([from, to]) => from <= slot && slot <= to);
        const id = await node.cluster('MYID');
        return { node, id, isOwner: String((range?.[2] as unknown[] | undefined)?.[2]) === id };
      }),
    );
    const owner = nodes.find(({ isOwner }) => isOwner);
    const target = nodes.find(({ isOwner }) => !isOwner);
    if (owner === undefined || target === undefined) throw new Error(`Nobody owns slot ${slot}`);
    await target.node.cluster('SETSLOT', slot, 'IMPORTING', owner.id);
    await owner.node.cluster('SETSLOT', slot, 'MIGRATING', target.id);
    try {
      for (let asked = 1; asked <= 3; asked += 1) {
        expect(await limiter.consume(key)).toMatchObject({
          outcome: 'allowed',
          policies: [{ remaining: LIMIT - asked }],
        });
      }
      expect(await charged(key)).toBe(3);
    } finally {
      for (const { node } of [target, owner]) await node.cluster('SETSLOT', slot, 'NODE', target.id);
    }
    expect(await limiter.consume(key)).toMatchObject({ outcome: 'allowed', policies: [{ remaining: LIMIT - 4 }] });
  });

  it('charges a request once whose reply was lost on the way from a node of a Cluster', async () => {
    const proxies = await Promise.all(cluster.nodes.map(({ port }) => startProxy({ port })));
    const natMap = Object.fromEntries(
      cluster.nodes.map(({ host, port }, index) => [`${host}:${port}`, { host, port: proxies[index]?.port ?? port }]),
    );
    const redis = tracked(new created.Cluster(cluster.nodes, { natMap, clusterRetryStrategy: () => 5 }));
    const prefix = uniquePrefix('lost');
    // Each decision by a limiter of its own, whose breaker knows nothing of the lost replies before.
    const consume = (key: string) => limiterFor({ redis, prefix, deadlineMs: 2_000 }).limiter.consume(key);
    const auditor = limiterFor({ redis: tracked(new created.Cluster(cluster.nodes)), prefix });
    for (let warmUp = 0; warmUp < 12; warmUp += 1) await consume(`warm-up-${warmUp}`);
    const dropped = new Set<string>();
    for (const proxy of proxies) {
      proxy.dropReplies(({ name, args }) => {
        const key = /\{(ann\d+)\}/.exec(args[2] ?? '')?.[1];
        if (name !== 'evalsha' || key === undefined || dropped.has(key)) return false;
        dropped.add(key);
        return true;
      });
    }
    for (let index = 0; index < 20; index += 1) {
      const before = dropped.size;
      const { outcome } = await consume(`ann${index}`);
      if (dropped.size > before) expect(outcome).toBe('degraded');
      const charges = await auditor.charged(`ann${index}`);
      expect({ index, charges }).toEqual({ index, charges: dropped.size > before ? 1 : Number(outcome === 'allowed') });
    }
    expect(dropped.size).toBeGreaterThanOrEqual(15);
  }, 60_000);
});
