import { beforeAll, describe, expect, it } from '@jest/globals';
import { connect, dedicatedCluster, runProcesses, uniquePrefix, type DedicatedCluster } from '@sallyport/testkit';
import type { Redis } from 'ioredis';
import { openShop, sessionCookie } from './shop.js';
import type { WriterTask } from './writer-process.js';

const PROCESSES = 4;
const WRITERS = 50;

describe.each(['one node', 'a Cluster of three nodes'] as const)('concurrent writers on %s', (where) => {
  let cluster: DedicatedCluster | undefined;
  beforeAll(async () => {
    if (where !== 'one node') cluster = await dedicatedCluster();
  }, 60_000);

  it('keep 200 of 200 different fields of 4 processes × 50 requests, and count to 200 by 200 update()s', async () => {
    const redis = cluster === undefined ? connect() : (cluster.client() as unknown as Redis);
    const shop = await openShop({ prefix: uniquePrefix('session'), redis });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const nodes = cluster === undefined ? {} : { nodes: cluster.nodes };
    const succeeded = await runProcesses<[number, number]>({
      module: new URL('writer-process.ts', import.meta.url),
      count: PROCESSES,
      args: { prefix: shop.prefix, cookie, requests: WRITERS, ...nodes } satisfies WriterTask,
      timeoutMs: 100_000,
    });
    expect(succeeded).toStrictEqual(Array.from({ length: PROCESSES }, () => [WRITERS, WRITERS]));
    const { body } = await shop.visit.get('/').set('Cookie', cookie);
    const { count, ...fields } = (body as { data: Record<string, unknown> }).data;
    expect([Object.keys(fields).length, count]).toStrictEqual([200, 200]);
  }, 120_000);
});
