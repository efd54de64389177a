import { describe, expect, it } from '@jest/globals';
import { dedicatedCluster, dedicatedRedis, expectTtlOnAllKeys, runProcesses } from '@sallyport/testkit';
import { algorithms, type AlgorithmName } from '../src/algorithms/algorithms.js';
import type { FloodArguments, OutcomeCounts } from './concurrency.worker.js';

const names = Object.keys(algorithms) as AlgorithmName[];
const LIMIT = 100;
const PROCESSES = 4;
const REQUESTS = 500;

async function expectExactlyTheLimit(where: Pick<FloodArguments, 'nodes' | 'isCluster'>): Promise<void> {
  const args: FloodArguments = { ...where, algorithms: names, limit: LIMIT, requests: REQUESTS };
  const module = new URL('concurrency.worker.ts', import.meta.url);
  const processes = await runProcesses<OutcomeCounts[]>({ module, count: PROCESSES, args, timeoutMs: 80_000 });
  const denied = PROCESSES * REQUESTS - LIMIT;
  for (const [index, algorithm] of names.entries()) {
    const total = (outcome: string) => processes.reduce((sum, counts) => sum + (counts[index]?.[outcome] ?? 0), 0);
    expect({ algorithm, allowed: total('allowed'), denied: total('denied') }).toEqual({
      algorithm,
      allowed: LIMIT,
      denied,
    });
  }
}

describe('four processes with 500 concurrent requests each', () => {
  it('are admitted exactly 100 times by each algorithm, on one server', async () => {
    // A server of its own also has no script loaded: all processes find that out at once.
    const server = await dedicatedRedis();
    const { host, port } = server;
    await expectExactlyTheLimit({ nodes: [{ host, port }], isCluster: false });
    await expectTtlOnAllKeys(server.client(), 'rate-limit:');
  }, 90_000);

  it('are admitted exactly 100 times by each algorithm, on a Cluster of three', async () => {
    const cluster = await dedicatedCluster();
    await expectExactlyTheLimit({ nodes: cluster.nodes, isCluster: true });
    const redis = cluster.client();
    // Only a connected client knows the nodes to look on.
    await redis.ping();
    await expectTtlOnAllKeys(redis, 'rate-limit:');
  }, 120_000);
});
