// Reads values and the versions that they depend on. On a single node all reads of one turn of the event loop leave as one
// MGET, since a command costs the client more than a key in it; on a Cluster each is one MGET per slot.

import type { RedisClient, StoreGuard } from '@sallyport/core';
import type { Keyspace } from './keyspace.js';

type Value = Buffer | undefined;

export interface VersionReader {
  /** Gives the values of `own`, keys of one slot, and then those of `markers`, keys of another. */
  read(own: readonly string[], markers: readonly string[]): Promise<Value[]>;
  readTags(tags: readonly string[]): Promise<Map<string, string | undefined>>;
}

/** Every command runs under the guard: one deadline for all reads that it serves. */
export function createVersionReader(
  redis: RedisClient,
  guard: StoreGuard,
  keyspace: Keyspace,
  isCluster: boolean,
): VersionReader {
  const send = (keys: readonly string[]): Promise<Value[]> =>
    guard.run(async () => {
      const reply = await redis.callBuffer('mget', ...keys);
      if (!Array.isArray(reply) || reply.length !== keys.length)
        throw new TypeError('mget: the reply has another shape');
      return reply.map((value: unknown) => (Buffer.isBuffer(value) ? value : undefined));
    });
  const mget = isCluster ? send : inBatches(send);

  return {
    async read(own, markers) {
      if (!isCluster) return mget([...own, ...markers]);
      const [values, versions] = await Promise.all([mget(own), mget(markers)]);
      return [...values, ...versions];
    },
    async readTags(tags) {
      const versions = await mget(tags.map((tag) => keyspace.tag(tag)));
      return new Map(tags.map((tag, index) => [tag, versions[index]?.toString('latin1')]));
    },
  };
}

interface Waiting {
  readonly keys: readonly string[];
  readonly resolve: (values: Value[]) => void;
  readonly reject: (error: unknown) => void;
}

/** More keys than this are not put into one command: it would hold up what comes after it. */
const MAX_KEYS = 500;

/** Collects the reads until the loop has polled all sockets, and sends them together. */
function inBatches(send: (keys: readonly string[]) => Promise<Value[]>): typeof send {
  let batch: Waiting[] = [];
  let keyCount = 0;

  function flush(): void {
    const reads = batch;
    if (reads.length === 0) return;
    batch = [];
    keyCount = 0;
    const [first] = reads;
    const keys = reads.length === 1 && first !== undefined ? first.keys : reads.flatMap((read) => read.keys);
    send(keys).then(
      (values) => {
        let at = 0;
        for (const read of reads) read.resolve(values.slice(at, (at += read.keys.length)));
      },
      (error: unknown) => {
        for (const read of reads) read.reject(error);
      },
    );
  }

  return (keys) =>
    new Promise((resolve, reject) => {
      if (keyCount + keys.length > MAX_KEYS) flush();
      if (batch.length === 0) setImmediate(flush);
      batch.push({ keys, resolve, reject });
      keyCount += keys.length;
    });
}
