import { beforeAll, describe, expect, it } from '@jest/globals';
import { connect, dedicatedCluster, runProcesses, uniquePrefix, type DedicatedCluster } from '@sallyport/testkit';
import type { Redis } from 'ioredis';
import { openShop, sessionCookie, type ShopData } from './shop.js';
import type { WriterTask } from './writer-process.js';

const PROCESSES = 4;
const WRITERS = 50;

describe.each(['one node', 'a Cluster of three nodes'] as const)('concurrent writers on %s', (where) => {
  let cluster: DedicatedCluster | undefined;
  beforeAll(async () => {
    if (where !== 'one node') cluster = await dedicatedCluster();
  }, 60_000);

  /** Starts all processes on one session; gives how many requests succeeded, and what the session holds then. */
  async function write(what: WriterTask['what']) {
    const redis = cluster === undefined ? connect() : (cluster.client() as unknown as Redis);
    const shop = await openShop({ prefix: uniquePrefix('session'), redis });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const nodes = cluster === undefined ? {} : { nodes: cluster.nodes };
    const succeeded = await runProcesses<number>({
      module: new URL('writer-process.ts', import.meta.url),
      count: PROCESSES,
      args: { prefix: shop.prefix, cookie, what, requests: WRITERS, ...nodes } satisfies WriterTask,
      timeoutMs: 60_000,
    });
    const { body } = await shop.visit.get('/').set('Cookie', cookie);
    return { succeeded: succeeded.reduce((sum, count) => sum + count, 0), data: (body as { data: ShopData }).data };
  }

  it('keeps 200 of 200 different fields that 4 processes × 50 requests write at once', async () => {
    const { succeeded, data } = await write('fields');
    expect([succeeded, Object.keys(data).length]).toStrictEqual([200, 200]);
  }, 90_000);

  it('counts to 200 by 200 concurrent update()s of 4 processes', async () => {
    const { succeeded, data } = await write('count');
    expect([succeeded, data['count']]).toStrictEqual([200, 200]);
  }, 90_000);
});
