// The entry store in full: versions, leases, scripts.

import { createStoreGuard, type RedisClient } from '@sallyport/core';
import { randomBytes } from 'node:crypto';
import type { EntryStore } from './entry-store.js';
import { createFills } from './fills.js';
import { createKeyspace } from './keyspace.js';
import { createLooks } from './looks.js';
import { openMemory } from './open-memory.js';
import { createRedisClock } from './redis-clock.js';
import { deleteEntry } from './scripts/delete-entry.js';
import { softenEntry } from './scripts/soften-entry.js';
import { softenVersions } from './scripts/soften-versions.js';

export interface EntryStoreOptions {
  readonly redis: RedisClient;
  /** Package in whose name errors speak. */
  readonly packageName: string;
  readonly prefix: string;
  readonly namespace: string;
  /** How long one call to Redis may take. */
  readonly deadlineMs: number;
  /** Receives the key of a record that is damaged. */
  readonly onCorrupt: (key: string) => void;
  /** Wall clock in milliseconds for time stamps; decides nothing. @default Date.now */
  readonly now?: () => number;
}

/** The value of an entry, its other parts and its fence. */
const ANY_PART = /^\{([^}]*)\}(?!:tag:|:generation$|:purges$)/;

/** Gives the store of one namespace. */
export function createEntryStore(options: EntryStoreOptions): EntryStore {
  const { redis, onCorrupt, deadlineMs } = options;
  const guard = createStoreGuard(options);
  const keyspace = createKeyspace(options.prefix, options.namespace);
  const isCluster = typeof Reflect.get(redis, 'nodes') === 'function';
  const looks = createLooks({ redis, guard, keyspace, isCluster, onCorrupt });
  const clock = createRedisClock(options.now);
  const fills = createFills({ redis, guard, keyspace, isCluster, deadlineMs, ...clock });
  const random = () => randomBytes(6).toString('base64url');

  const store: EntryStore = {
    now: clock.now,
    deadlineMs,
    isPlain: false,
    async read(key, parts, how) {
      const { entries } = await store.look(key, parts, how);
      return entries.map((entry) => (entry?.softAtMs === 0 ? entry : undefined));
    },
    async look(key, parts, how) {
      const [look] = await looks.many([key], parts, how);
      if (look === undefined) throw new TypeError('look: no reply');
      return look;
    },
    lookMany: looks.many,
    prepareLook: looks.prepare,

    openMemory: (l1, report) => openMemory({ ...options, l1 }, report, ANY_PART),
    startFill: (key, fill) => fills.start(key, fill),
    claimFill: (key, fill) => fills.claim(key, fill),
    put: (key, writes, tags) => fills.put(key, writes, tags),

    delete: (key, parts, { soft = false } = {}) => {
      const keys = parts.map((part) => keyspace.part(key, part));
      const fence = keyspace.fence(key);
      const channel = `${redis.options.keyPrefix ?? ''}${keyspace.channel}`;
      const lease = { key: keyspace.lease(key), channel, message: `${keyspace.lease(key)} ` };
      return guard.run(() =>
        soft ? softenEntry(redis, fence, keys, random(), lease) : deleteEntry(redis, fence, keys, lease),
      );
    },
    async invalidateTags(tags, { soft = false } = {}) {
      if (tags.length === 0) return;
      const keys = [...tags.map((tag) => keyspace.tag(tag)), keyspace.purges];
      await guard.run(async () => (soft ? softenVersions(redis, keys, random()) : redis.call('unlink', ...keys)));
    },
    async clear({ soft = false } = {}) {
      const key = keyspace.generation;
      await guard.run(async () => (soft ? softenVersions(redis, [key], random()) : redis.call('unlink', key)));
    },
  };
  return store;
}
