import type { CacheEvent } from './events.js';
import { createKeyspace } from './keyspace.js';
import { createMemory, type Memory } from './memory.js';
import type { CacheSettings } from './options.js';
import { openTracking } from './tracking.js';

/** Where a memory reports. */
export interface MemoryReport {
  emit(event: Extract<CacheEvent, { type: 'l1' }>): void;
}

export type OpenMemory = Memory & { close(): void };

/**
 * Gives the memory of a cache and begins to follow what changes, or `undefined` when there is to be none.
 *
 * @param keyPattern of the keys below the root whose change drops an entry, with the id of the entry as its first group
 */
export function openMemory(
  { redis, prefix, namespace, l1 }: Pick<CacheSettings, 'redis' | 'prefix' | 'namespace' | 'l1'>,
  events: MemoryReport,
  keyPattern?: RegExp,
): OpenMemory | undefined {
  // On a Cluster each node tells of its own keys only.
  if (l1 === false || typeof Reflect.get(redis, 'nodes') === 'function') return undefined;
  const keyPrefix = redis.options.keyPrefix ?? '';
  const keyspace = createKeyspace(prefix, namespace);
  const memory = createMemory(keyspace, keyPrefix, l1, keyPattern);
  const tracking = openTracking(redis, keyPrefix + keyspace.root, {
    onArmed(clockMs) {
      memory.onArmed(clockMs);
      events.emit({ type: 'l1', isArmed: true });
    },
    onKey: memory.onKey,
    onFlush: () => memory.flush(),
    onDown() {
      const { isArmed } = memory.size;
      memory.onDown();
      if (isArmed) events.emit({ type: 'l1', isArmed: false });
    },
    onRefused: (error) => events.emit({ type: 'l1', isArmed: false, error }),
  });
  const close = () => {
    tracking.close();
    memory.onDown();
  };
  return Object.assign(memory, { close });
}
