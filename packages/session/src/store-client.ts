// The thin adapter between connect-redis and ioredis: all that connect-redis gets to see of Redis. Its own client layer
// scans one node of a Cluster, ignores the client's `keyPrefix` and reads the prefix as a glob; this one does not.

import { masterClients, type RedisClient } from '@sallyport/core';

/** A session key after the prefix: `{<bucket>}:<device id>`. User indexes have more parts. */
const SESSION_KEY = /^\{[\w-]{2}\}:[\w-]{22}$/;

/** The part of a node-redis client that connect-redis 8.1 uses for administration. */
export interface StoreClient {
  scanIterator(options: { readonly COUNT: number }): AsyncIterable<string>;
}

/** Gives the client for `RedisStore`: iterates the session keys under `prefix`, on every master. Not for request paths. */
export function createStoreClient(redis: RedisClient, prefix: string): StoreClient {
  // SCAN neither adds the client's keyPrefix to the pattern nor strips it from the keys it returns.
  const fullPrefix = (redis.options.keyPrefix ?? '') + prefix;
  const pattern = `${fullPrefix.replace(/[\\*?[\]^]/g, String.raw`\$&`)}{*`;

  async function* scanIterator({ COUNT }: { readonly COUNT: number }) {
    // SCAN may return a key more than once.
    const seen = new Set<string>();
    for (const node of masterClients(redis)) {
      let cursor = '0';
      do {
        const reply = await node.call('scan', cursor, 'MATCH', pattern, 'COUNT', COUNT);
        const [next, keys] = reply as [string, string[]];
        cursor = next;
        for (const key of keys) {
          if (seen.has(key) || !SESSION_KEY.test(key.slice(fullPrefix.length))) continue;
          seen.add(key);
          yield key.slice(fullPrefix.length - prefix.length);
        }
      } while (cursor !== '0');
    }
  }

  return { scanIterator };
}
