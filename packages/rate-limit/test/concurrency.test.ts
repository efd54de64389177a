import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, expectTtlOnAllKeys, runProcesses } from '@sallyport/testkit';
import { algorithms, type AlgorithmName } from '../src/algorithms/algorithms.js';
import type { FloodArguments, StatusCounts } from './concurrency.worker.js';

const names = Object.keys(algorithms) as AlgorithmName[];

describe('rateLimit() in four processes on one Redis', () => {
  it('admits exactly the limit of 4 × 200 concurrent requests, by each algorithm', async () => {
    // A server of its own also has no script loaded: all processes find that out at once.
    const server = await dedicatedRedis();
    const args: FloodArguments = { url: server.url, algorithms: names, limit: 100, requests: 200 };
    const module = new URL('concurrency.worker.ts', import.meta.url);
    const processes = await runProcesses<StatusCounts[]>({ module, count: 4, args, timeoutMs: 60_000 });
    for (const [index, algorithm] of names.entries()) {
      const total = (status: string) => processes.reduce((sum, results) => sum + (results[index]?.[status] ?? 0), 0);
      expect({ algorithm, 200: total('200'), 429: total('429') }).toEqual({ algorithm, 200: 100, 429: 700 });
    }
    await expectTtlOnAllKeys(server.client(), 'rate-limit:');
  }, 90_000);
});
