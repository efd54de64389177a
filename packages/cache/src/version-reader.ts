// Reads values and the versions that they depend on: one MGET on a single node, together with the other reads of the
// moment; one per slot on a Cluster. Each command has a deadline of its own, which all reads that it serves share.

import type { RedisClient, StoreGuard } from '@sallyport/core';
import { batchReads, type Values } from './batched-reads.js';
import type { Keyspace } from './keyspace.js';

export interface VersionReader {
  /**
   * Gives a read to be repeated: the values of all groups, in order.
   *
   * @param groups keys; those of one group are of one slot
   */
  prepare(groups: readonly (readonly string[])[]): (onLeave?: () => void) => Promise<Values>;
  /** The versions of tags as they stand in Redis; `undefined` where there is none. */
  readTags(tags: readonly string[]): Promise<Map<string, string | undefined>>;
}

export interface VersionReaderContext {
  readonly redis: RedisClient;
  readonly guard: StoreGuard;
  readonly keyspace: Keyspace;
  readonly isCluster: boolean;
}

export function createVersionReader({ redis, guard, keyspace, isCluster }: VersionReaderContext): VersionReader {
  async function send(keys: readonly string[]): Promise<Values> {
    const reply = await redis.callBuffer('mget', ...keys);
    if (!Array.isArray(reply) || reply.length !== keys.length) throw new TypeError('mget: the reply has another shape');
    return reply.map((value: unknown) => (Buffer.isBuffer(value) ? value : undefined));
  }
  const mget = (keys: readonly string[]) => guard.run(() => send(keys));
  const batched = batchReads(mget);

  return {
    prepare(groups) {
      if (isCluster) return async () => (await Promise.all(groups.map(mget))).flat();
      const keys = groups.flat();
      return (onLeave) => batched(keys, onLeave);
    },
    async readTags(tags) {
      const keys = tags.map((tag) => keyspace.tag(tag));
      const versions = await (isCluster ? mget(keys) : batched(keys));
      return new Map(tags.map((tag, index) => [tag, textOf(versions[index])]));
    },
  };
}

/** A version as text. */
export function textOf(version: Buffer | undefined): string | undefined {
  return version?.toString('latin1');
}
