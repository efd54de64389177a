import {
  callback,
  checkOptions,
  clearPrefix,
  buildKey,
  createStoreGuard,
  deadline,
  defineScript,
  keyPrefix,
  oneOf,
  optional,
  redisClient,
  type RedisClient,
} from '@sallyport/core';
import type { NextFunction, Request, RequestHandler, Response } from 'express';

/** The smallest package that keeps the rules of the house: it counts visits. The contract is tried out on it. */
export interface VisitsOptions {
  readonly redis: RedisClient;
  readonly prefix?: string;
  readonly deadlineMs?: number;
  readonly onStoreFailure?: 'open' | 'closed';
  readonly onEvent?: (event: { type: string }) => void;
  readonly skip?: (req: Request, res: Response) => boolean | Promise<boolean>;
}

const countVisit = defineScript({
  name: 'count-visit',
  numberOfKeys: 1,
  lua: /* lua */ `
    local count = redis.call('INCR', KEYS[1])
    redis.call('PEXPIRE', KEYS[1], 60000)
    return count`,
  parse: Number,
});

export function createVisits(options: VisitsOptions) {
  const { redis, prefix, ...config } = checkOptions('visits', options, {
    redis: redisClient,
    prefix: optional(keyPrefix, 'visits:'),
    deadlineMs: optional(deadline, 250),
    onStoreFailure: optional(oneOf('open', 'closed'), 'closed'),
    onEvent: optional(callback<(event: { type: string }) => void>(), undefined),
    skip: optional(callback<NonNullable<VisitsOptions['skip']>>(), undefined),
  });
  const guard = createStoreGuard({ redis, packageName: 'visits', deadlineMs: config.deadlineMs });
  return {
    config,
    async count(visitor: string): Promise<number> {
      try {
        return await guard.run(() => countVisit.run(redis, [buildKey(prefix, visitor)]));
      } catch (error) {
        if (config.onStoreFailure === 'open') return 0;
        throw error;
      }
    },
    get: async (visitor: string) => {
      const count = await redis.call('get', buildKey(prefix, visitor));
      return count === null ? undefined : Number(count);
    },
    delete: async (visitor: string) => (await redis.call('unlink', buildKey(prefix, visitor))) === 1,
    clear: () => clearPrefix(redis, prefix),
    close: () => undefined,
  };
}

export function visits(
  options: VisitsOptions,
): RequestHandler & Omit<ReturnType<typeof createVisits>, 'count' | 'config'> {
  const store = createVisits(options);
  const { skip } = store.config;
  async function handle(req: Request, res: Response, next: NextFunction): Promise<void> {
    try {
      if ((await skip?.(req, res)) !== true) res.set('X-Visits', String(await store.count('all')));
    } catch (error) {
      return next(error);
    }
    next();
  }
  const { get, delete: remove, clear, close } = store;
  return Object.assign(handle, { get, delete: remove, clear, close });
}
