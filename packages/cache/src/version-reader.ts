// Reads values and the versions that they depend on: one MGET on a single node, one per slot on a Cluster.

import type { RedisClient } from '@sallyport/core';
import type { Keyspace } from './keyspace.js';

/** Versions as they stand in Redis; `undefined` where there is none. */
export interface SeenVersions {
  readonly generation: string | undefined;
  readonly tags: Map<string, string | undefined>;
}

export interface VersionReader {
  /** @param own keys of one slot */
  read(
    own: readonly string[],
    tags: readonly string[],
  ): Promise<{ values: (Buffer | undefined)[]; seen: SeenVersions }>;
  readTags(tags: readonly string[]): Promise<Map<string, string | undefined>>;
}

export function createVersionReader(redis: RedisClient, keyspace: Keyspace, isCluster: boolean): VersionReader {
  async function mget(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    const reply = await redis.callBuffer('mget', ...keys);
    if (!Array.isArray(reply)) throw new TypeError('mget: the reply is no array');
    return reply.map((value: unknown) => (Buffer.isBuffer(value) ? value : undefined));
  }

  return {
    async read(own, tags) {
      const markers = [keyspace.generation, ...tags.map((tag) => keyspace.tag(tag))];
      const [values, [generation, ...versions]] = isCluster
        ? await Promise.all([mget(own), mget(markers)])
        : split(await mget([...own, ...markers]), own.length);
      return { values, seen: { generation: generation?.toString('latin1'), tags: pair(tags, versions) } };
    },
    async readTags(tags) {
      return pair(tags, await mget(tags.map((tag) => keyspace.tag(tag))));
    },
  };
}

function split<T>(list: T[], at: number): [T[], T[]] {
  return [list.slice(0, at), list.slice(at)];
}

function pair(tags: readonly string[], versions: readonly (Buffer | undefined)[]): Map<string, string | undefined> {
  return new Map(tags.map((tag, index) => [tag, versions[index]?.toString('latin1')]));
}
