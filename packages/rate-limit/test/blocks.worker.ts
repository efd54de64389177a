import type { ProcessContext } from '@sallyport/testkit';
import { Redis } from 'ioredis';
import { createRateLimiter, type AlgorithmName, type BlockOptions } from '../src/index.js';

/** What each process is told. */
export interface HotKeyArguments {
  readonly host: string;
  readonly port: number;
  readonly algorithm: AlgorithmName;
  readonly limit: number;
  readonly requests: number;
  readonly blocks: BlockOptions;
}

/** How many requests were admitted, and how many of them from blocks. */
export interface HotKeyCounts {
  readonly admitted: number;
  readonly fromBlocks: number;
}

/** Asks for one key, a hundred at once again and again, at the same time as the other processes do. */
export async function run(args: HotKeyArguments, context: ProcessContext): Promise<HotKeyCounts> {
  const { host, port, algorithm, limit, requests, blocks } = args;
  const redis = new Redis({ host, port });
  let [admitted, fromBlocks] = [0, 0];
  const limiter = createRateLimiter({
    redis,
    name: 'hot',
    policies: [{ name: 'p', algorithm, limit, windowMs: 86_400_000 }],
    blocks,
    deadlineMs: 20_000,
    deniedCacheMs: 0,
    onStoreFailure: 'closed',
    onEvent(event) {
      if (event.type === 'allowed' && event.source === 'block') fromBlocks += 1;
    },
  });
  await redis.ping();
  await context.barrier();
  for (let asked = 0; asked < requests; asked += 100) {
    const decisions = await Promise.all(Array.from({ length: 100 }, () => limiter.consume('key')));
    admitted += decisions.filter(({ isAllowed }) => isAllowed).length;
  }
  redis.disconnect();
  return { admitted, fromBlocks };
}
