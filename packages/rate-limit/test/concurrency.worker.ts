import type { ProcessContext } from '@sallyport/testkit';
import { Cluster, Redis } from 'ioredis';
import { createRateLimiter, type AlgorithmName } from '../src/index.js';

/** What each process is told. */
export interface FloodArguments {
  /** `host:port` of a server, or of the nodes of a Cluster. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly isCluster: boolean;
  readonly algorithms: readonly AlgorithmName[];
  readonly limit: number;
  readonly requests: number;
}

/** How many decisions had each outcome. */
export type OutcomeCounts = Record<string, number>;

/** Floods one limiter per algorithm, each at the same moment as the other processes do, all requests at once. */
export async function run(args: FloodArguments, context: ProcessContext): Promise<OutcomeCounts[]> {
  const { nodes, isCluster, algorithms, limit, requests } = args;
  const [node = { host: '127.0.0.1', port: 0 }] = nodes;
  const redis = isCluster ? new Cluster([...nodes]) : new Redis(node);
  await redis.ping();
  const results: OutcomeCounts[] = [];
  for (const algorithm of algorithms) {
    // Bucket of a day: nothing flows in during the test.
    const windowMs = 86_400_000;
    const burst = algorithm === 'gcra' ? { burst: limit } : {};
    const limiter = createRateLimiter({
      redis,
      name: 'flood',
      policies: [{ name: algorithm, limit, windowMs, algorithm, ...burst }],
      deadlineMs: 20_000,
      deniedCacheMs: 0,
      onStoreFailure: 'closed',
    });
    const counts: OutcomeCounts = {};
    await context.barrier();
    const decide = async () => {
      const { outcome } =
        algorithm === 'concurrency' ? (await limiter.reserve('hot', 1)).decision : await limiter.consume('hot');
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    };
    await Promise.all(Array.from({ length: requests }, decide));
    results.push(counts);
  }
  redis.disconnect();
  return results;
}
