import { listen, type ProcessContext } from '@sallyport/testkit';
import express from 'express';
import { Redis } from 'ioredis';
import { rateLimit, type AlgorithmName } from '../src/index.js';

/** What each process is told. */
export interface FloodArguments {
  readonly url: string;
  readonly algorithms: readonly AlgorithmName[];
  readonly limit: number;
  readonly requests: number;
}

/** How many responses had each status. */
export type StatusCounts = Record<string, number>;

/**
 * Serves an app with one limiter per algorithm and floods one after the other, each at the same moment as the other
 * processes do.
 */
export async function run(args: FloodArguments, context: ProcessContext): Promise<StatusCounts[]> {
  const { url, algorithms, limit, requests } = args;
  const redis = new Redis(url);
  const app = express();
  for (const algorithm of algorithms) {
    const options = { redis, limit, windowMs: 3_600_000, algorithm, deadlineMs: 20_000 } as const;
    app.get(`/${algorithm}`, rateLimit({ ...options, onStoreFailure: 'closed' }), (_req, res) => void res.end());
  }
  const server = await listen(app);
  await redis.ping();
  const results: StatusCounts[] = [];
  for (const algorithm of algorithms) {
    await context.barrier();
    results.push(await flood(`${server.url}/${algorithm}`, requests));
  }
  await server.close();
  redis.disconnect();
  return results;
}

async function flood(url: string, requests: number): Promise<StatusCounts> {
  const responses = await Promise.all(Array.from({ length: requests }, () => fetch(url)));
  const counts: StatusCounts = {};
  for (const { status } of responses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
