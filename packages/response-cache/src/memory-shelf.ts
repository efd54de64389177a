// Responses in this process's memory, in front of Redis. All variants of a URL are one slot: whatever of the URL changes in
// Redis — record, variant, fence, one of its tags — drops all of them. Only what is fresh is kept, and no longer than the
// first of the variants is.

import type { EntryStore, OpenMemory, ReadToken } from '@sallyport/cache';
import type { Found, Selector } from './shelf.js';
import { variantId } from './vary.js';

interface Slot {
  /** Request headers that tell the variants apart. */
  readonly names: readonly string[];
  readonly variants: ReadonlyMap<string, Found>;
  readonly tags: readonly string[];
  readonly bytes: number;
  readonly freshUntilMs: number;
}

/** A read of Redis under way. */
export interface Reading {
  readonly id: string;
  readonly token: ReadToken;
}

export interface MemoryShelf {
  /** Gives what is kept for the request. */
  find(selector: Selector): Found | undefined;
  /** To be called before Redis is read; each call is followed by `end`. */
  begin(id: string): Reading;
  /** @param tags of the entry */
  end(reading: Reading, found?: Found, variant?: string, tags?: readonly string[]): void;
  drop(id: string): void;
  dropTags(tags: readonly string[]): void;
  flush(): void;
  close(): void;
}

type Limits = Parameters<EntryStore['openMemory']>[0];
type Report = Parameters<EntryStore['openMemory']>[1];

/** Gives the memory, or `undefined` when there is to be none. */
export function openMemoryShelf(entries: EntryStore, limits: Limits | false, report: Report): MemoryShelf | undefined {
  const memory = limits === false ? undefined : entries.openMemory(limits, report);
  return memory && createMemoryShelf(memory);
}

function createMemoryShelf(memory: OpenMemory): MemoryShelf {
  const slotOf = (id: string) => memory.find(id)?.value as Slot | undefined;
  return {
    find({ id, origin, headers }) {
      const slot = slotOf(id);
      return slot?.variants.get(variantId(origin, slot.names, headers));
    },
    begin: (id) => ({ id, token: memory.begin(id) }),
    end({ id, token }, found, variant, tags = []) {
      const { record, response } = found ?? {};
      if (found === undefined || record === undefined || response?.isFresh !== true || variant === undefined) {
        return memory.end(token, id, undefined);
      }
      const { names } = record;
      const old = slotOf(id);
      const known = old?.names.join() === names.join() ? old : undefined;
      // A copy: the bytes that came are a part of a larger reply, which would stay in memory with them.
      const kept: Found = { record, response: { ...response, body: Buffer.from(response.body) } };
      const slot: Slot = {
        names,
        variants: new Map([...(known?.variants ?? []), [variant, kept]]),
        tags: [...new Set([...(known?.tags ?? []), ...tags])],
        bytes: (known?.bytes ?? 0) + response.body.length + JSON.stringify(response.headers).length,
        freshUntilMs: Math.min(known?.freshUntilMs ?? Infinity, response.storedAtMs + response.life.ttlMs),
      };
      return memory.end(token, id, { value: slot, ...slot });
    },
    drop: (id) => memory.drop(id),
    dropTags: (tags) => memory.dropTags(tags),
    flush: () => memory.flush(),
    close: () => memory.close(),
  };
}
