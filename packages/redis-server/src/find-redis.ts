/**
 * Finds a redis-server, cheapest first: what the user named, what is installed, what was fetched before, and at last
 * a fetch. It never installs anything on the machine; a fetched server lives in the cache directory alone.
 */
import { join } from 'node:path';
import { booleanOption, checkOptions, functionOption, nonEmptyString } from './check-options.js';
import { defaultCacheDir, platformLabel } from './cache-dir.js';
import { messageOf } from './errors.js';
import { fetchDebianPackage, probeTree } from './debian-package.js';
import { redisNotFound } from './not-found.js';
import { probeBinary, type RedisBinary } from './redis-binary.js';

export interface FindRedisOptions {
  /** Where a fetched server is kept. @default see `defaultCacheDir()` */
  cacheDir?: string;
  /** Whether packages may be downloaded when no server is on this machine. @default true */
  fetch?: boolean;
  /** Told about the one step that takes seconds and the network. */
  onEvent?: (event: FindRedisEvent) => void;
}

/** What `onEvent` is told. A fetch that fails ends with the error of `findRedis()`, not with an event. */
export type FindRedisEvent =
  | { type: 'fetch-started'; cacheDir: string }
  | { type: 'fetch-finished'; cacheDir: string; version: string; durationMs: number };

/** Shared with the factories, which take these options too. */
export const FIND_OPTION_CHECKS = { cacheDir: nonEmptyString, fetch: booleanOption, onEvent: functionOption };

/** Fetches under way in this process, by cache directory. */
const fetches = new Map<string, Promise<RedisBinary>>();

/**
 * A usable redis-server or valkey-server (6.2 or newer), proven by running it. Looks at `SALLYPORT_REDIS_SERVER`, at
 * PATH, into the cache, and else fetches the distribution's package without root (Debian and Ubuntu).
 *
 * @throws {RedisServerOptionError} synchronously, for an unknown or wrong option.
 * @throws {RedisNotFoundError} when there is none, or when `SALLYPORT_REDIS_SERVER` is set but not usable.
 */
export function findRedis(options: FindRedisOptions = {}): Promise<RedisBinary> {
  checkOptions(options, FIND_OPTION_CHECKS);
  return find(options);
}

async function find(options: FindRedisOptions): Promise<RedisBinary> {
  const named = process.env['SALLYPORT_REDIS_SERVER'];
  if (named) {
    return probeBinary(named, 'environment').catch((error: unknown) => {
      // Going on to another server would hide the mistake of someone who asked for this one.
      throw redisNotFound([`SALLYPORT_REDIS_SERVER is set, but ${messageOf(error)}`], error);
    });
  }
  const reasons: string[] = [];
  for (const name of ['redis-server', 'valkey-server']) {
    const installed = await probeBinary(name, 'path').catch((error: unknown) => void reasons.push(messageOf(error)));
    if (installed) return installed;
  }
  const cacheDir = join(options.cacheDir ?? defaultCacheDir(), platformLabel());
  const cached = await probeTree(cacheDir, 'cache');
  if (cached) return cached;
  if (options.fetch === false) throw redisNotFound([...reasons, 'fetching is switched off (fetch: false)']);
  return fetchOnce(cacheDir, options.onEvent).catch((error: unknown) => {
    throw redisNotFound([...reasons, messageOf(error)], error);
  });
}

// Several servers started at once in one process share one fetch; other processes are settled by the atomic rename.
function fetchOnce(cacheDir: string, onEvent: FindRedisOptions['onEvent']): Promise<RedisBinary> {
  const running = fetches.get(cacheDir) ?? fetchAndReport(cacheDir, onEvent).finally(() => fetches.delete(cacheDir));
  fetches.set(cacheDir, running);
  return running;
}

async function fetchAndReport(cacheDir: string, onEvent: FindRedisOptions['onEvent']): Promise<RedisBinary> {
  const startedAt = performance.now();
  onEvent?.({ type: 'fetch-started', cacheDir });
  const binary = await fetchDebianPackage(cacheDir);
  const durationMs = Math.round(performance.now() - startedAt);
  onEvent?.({ type: 'fetch-finished', cacheDir, version: binary.version, durationMs });
  return binary;
}
