// Memory by what can be had, in this order: followed by Redis (tracking); where Redis refuses to tell, each value for a
// second at most, by the clock of Redis; none.

import { messageOf } from '@sallyport/core';
import type { CacheEvent } from './events.js';
import { createKeyspace } from './keyspace.js';
import { createMemory, type Memory } from './memory.js';
import type { CacheSettings } from './options.js';
import { follow } from './tracking-hub.js';

/** Where a memory reports. */
export interface MemoryReport {
  emit(event: Extract<CacheEvent, { type: 'l1' }>): void;
}

export type OpenMemory = Memory & { close(): void };

/**
 * Gives the memory of a cache and begins to follow what changes, or `undefined` when there is to be none.
 *
 * @param keyPattern of the keys below the root whose change drops an entry; its first group is the id of the entry
 */
export function openMemory(
  { redis, prefix, namespace, l1 }: Pick<CacheSettings, 'redis' | 'prefix' | 'namespace' | 'l1'>,
  events: MemoryReport,
  keyPattern?: RegExp,
): OpenMemory | undefined {
  if (l1 === false) return undefined;
  const { untrackedTtlMs } = l1;
  const keyPrefix = redis.options.keyPrefix ?? '';
  const keyspace = createKeyspace(prefix, namespace);
  const memory = createMemory(keyspace, keyPrefix, l1, keyPattern);
  let isClosed = false;
  const tracking = follow(redis, keyPrefix + keyspace.root, {
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
    onRefused: (error) => void doWithout(error),
  });

  async function doWithout(error: Error): Promise<void> {
    try {
      if (untrackedTtlMs === 0) throw error;
      const sentAt = performance.now();
      const [seconds, micros] = (await redis.call('time')) as [string, string];
      if (isClosed) return;
      memory.onArmed(Number(seconds) * 1_000 + Number(micros) / 1_000 - sentAt, untrackedTtlMs);
      events.emit({ type: 'l1', isArmed: true, error });
    } catch (cause) {
      // Whatever it is: without the time of Redis nothing may be kept, and both reasons are told.
      const reason = cause === error ? error : new Error(messageOf(cause), { cause: error });
      events.emit({ type: 'l1', isArmed: false, error: reason });
    }
  }

  const close = () => {
    isClosed = true;
    tracking.close();
    memory.onDown();
  };
  return Object.assign(memory, { close });
}
