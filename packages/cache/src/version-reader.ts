// Reads values and the versions that they depend on: one MGET on a single node, together with the other
// reads of the moment; one per slot on a Cluster.

import type { RedisClient } from '@sallyport/core';
import { batchReads } from './batched-reads.js';
import type { Keyspace } from './keyspace.js';

/** Versions as they stand in Redis; `undefined` where there is none. */
export interface SeenVersions {
  readonly generation: string | undefined;
  readonly tags: Map<string, string | undefined>;
}

export interface VersionReader {
  /** @param groups keys; those of one group are of one slot. Values come in the same groups. */
  read(
    groups: readonly (readonly string[])[],
    tags: readonly string[],
  ): Promise<{ values: (Buffer | undefined)[][]; seen: SeenVersions }>;
  readTags(tags: readonly string[]): Promise<Map<string, string | undefined>>;
}

export function createVersionReader(redis: RedisClient, keyspace: Keyspace, isCluster: boolean): VersionReader {
  async function send(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    const reply = await redis.callBuffer('mget', ...keys);
    if (!Array.isArray(reply) || reply.length !== keys.length) throw new TypeError('mget: the reply has another shape');
    return reply.map((value: unknown) => (Buffer.isBuffer(value) ? value : undefined));
  }
  const mget = isCluster ? send : batchReads(send);

  async function mgetGroups(groups: readonly (readonly string[])[]): Promise<(Buffer | undefined)[][]> {
    if (isCluster) return Promise.all(groups.map(mget));
    const values = await mget(groups.flat());
    let at = 0;
    return groups.map(({ length }) => values.slice(at, (at += length)));
  }

  return {
    async read(groups, tags) {
      const markers = [keyspace.generation, ...tags.map((tag) => keyspace.tag(tag))];
      const all = await mgetGroups([...groups, markers]);
      const [generation, ...versions] = all.at(-1) ?? [];
      const seen = { generation: generation?.toString('latin1'), tags: pair(tags, versions) };
      return { values: all.slice(0, -1), seen };
    },
    async readTags(tags) {
      return pair(tags, await mget(tags.map((tag) => keyspace.tag(tag))));
    },
  };
}

function pair(tags: readonly string[], versions: readonly (Buffer | undefined)[]): Map<string, string | undefined> {
  return new Map(tags.map((tag, index) => [tag, versions[index]?.toString('latin1')]));
}
