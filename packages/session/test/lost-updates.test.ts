import { describe, expect, it } from '@jest/globals';
import { connect, dedicatedCluster, runProcesses, uniquePrefix } from '@sallyport/testkit';
import type { Redis } from 'ioredis';
import { openShop, sessionCookie } from './shop.js';
import type { WriterTarget, WriterTask } from './writer-process.js';

const PROCESSES = 4;
const WRITERS = 50;

describe('concurrent writers of one session, on one node and on a Cluster of three', () => {
  it('keep 200 of 200 different fields of 4 processes × 50 requests, and count to 200 by 200 update()s', async () => {
    const cluster = await dedicatedCluster();
    const open = async (redis: Redis) => {
      const shop = await openShop({ prefix: uniquePrefix('session'), redis });
      return { ...shop, cookie: sessionCookie(await shop.visit.post('/log-in/ann')) };
    };
    const shops = [await open(connect()), await open(cluster.client() as unknown as Redis)];
    const targets: WriterTarget[] = shops.map(({ prefix, cookie }, index) =>
      index === 0 ? { prefix, cookie } : { prefix, cookie, nodes: cluster.nodes },
    );
    const succeeded = await runProcesses<[number, number][]>({
      module: new URL('writer-process.ts', import.meta.url),
      count: PROCESSES,
      args: { targets, requests: WRITERS } satisfies WriterTask,
      timeoutMs: 100_000,
    });
    const all = targets.map(() => [WRITERS, WRITERS]);
    expect(succeeded).toStrictEqual(Array.from({ length: PROCESSES }, () => all));
    for (const { visit, cookie } of shops) {
      const { body } = await visit.get('/').set('Cookie', cookie);
      const { count, ...fields } = (body as { data: Record<string, unknown> }).data;
      expect([Object.keys(fields).length, count]).toStrictEqual([200, 200]);
    }
  }, 120_000);
});
