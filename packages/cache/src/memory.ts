// Values in this process's memory, in front of Redis, for as long as Redis is known to tell of every change. While it is
// not — connecting, cut off, refused — the memory is empty and stays so.
//
// A value that is read while it changes must not get in: each read takes a token before it asks Redis, a change in between
// spoils the token, and with a spoilt token nothing is kept. Own purges spoil and drop at once, without a way round.

import { encodeKeyPart } from '@sallyport/core';
import type { Keyspace } from './keyspace.js';

/** Limits of the memory. */
export interface MemoryLimits {
  readonly maxBytes: number;
  readonly maxEntries: number;
}

/** A read under way. */
export interface ReadToken {
  isSpoilt: boolean;
  readonly id: string;
  /** By `performance.now()`. */
  readonly startedAt: number;
}

/** What is kept of a value. */
export interface Remembered {
  readonly value: unknown;
  readonly tags: readonly string[];
  /** Length of the record in Redis. */
  readonly bytes: number;
  /** When it stops being fresh, Redis time in ms. */
  readonly freshUntilMs: number;
}

interface Slot {
  readonly key: string;
  readonly id: string;
  readonly value: unknown;
  readonly markers: readonly string[];
  readonly bytes: number;
  /** By `performance.now()`. */
  readonly endsAt: number;
  wasUsed: boolean;
}

export interface Memory {
  /** Gives what is kept and fresh; a slot, since `undefined` is a value too. */
  find(key: string): { readonly value: unknown } | undefined;
  begin(key: string): ReadToken;
  /** Ends the read, and keeps what it gave if it may be kept. */
  end(token: ReadToken, key: string, what: Remembered | undefined): void;
  /** Drops one key; spoils the reads of it. */
  drop(key: string): void;
  dropTags(tags: readonly string[]): void;
  flush(): void;
  readonly size: { readonly entries: number; readonly bytes: number; readonly isArmed: boolean };
  /** @param maxAgeMs how long a value is kept at most; without end when every change is told */
  readonly onArmed: (clockMs: number, maxAgeMs?: number) => void;
  readonly onKey: (redisKey: string) => void;
  readonly onDown: () => void;
}

/** What a slot costs beside its value, roughly. */
const SLOT_BYTES = 300;
const ENTRY = /^\{([^}]*)\}(?::fresh)?$/;

/** @param keyPrefix what the client puts before every key */
export function createMemory(keyspace: Keyspace, keyPrefix: string, limits: MemoryLimits, keyPattern = ENTRY): Memory {
  const slots = new Map<string, Slot>();
  const slotsById = new Map<string, Slot>();
  const slotsByMarker = new Map<string, Set<Slot>>();
  const reads = new Set<ReadToken>();
  const rootLength = keyPrefix.length + keyspace.root.length;
  let bytes = 0;
  let clockMs: number | undefined;
  let maxAgeMs = Infinity;

  function remove(slot: Slot): void {
    if (slots.get(slot.key) !== slot) return;
    slots.delete(slot.key);
    slotsById.delete(slot.id);
    bytes -= slot.bytes;
    for (const marker of slot.markers) {
      const set = slotsByMarker.get(marker);
      set?.delete(slot);
      if (set?.size === 0) slotsByMarker.delete(marker);
    }
  }

  function add(slot: Slot): void {
    slots.set(slot.key, slot);
    slotsById.set(slot.id, slot);
    bytes += slot.bytes;
    for (const marker of slot.markers) {
      const set = slotsByMarker.get(marker) ?? new Set();
      slotsByMarker.set(marker, set.add(slot));
    }
    // Second chance: what was used since the last round stays for another.
    for (const oldest of slots.values()) {
      if (slots.size <= limits.maxEntries && bytes <= limits.maxBytes) return;
      remove(oldest);
      if (!oldest.wasUsed || oldest === slot) continue;
      oldest.wasUsed = false;
      add(oldest);
      return;
    }
  }

  function dropId(id: string): void {
    const slot = slotsById.get(id);
    if (slot !== undefined) remove(slot);
    for (const read of reads) if (read.id === id) read.isSpoilt = true;
  }

  function dropMarker(marker: string): void {
    for (const slot of slotsByMarker.get(marker) ?? []) remove(slot);
    // Which tags an entry has is known only when it has been read.
    for (const read of reads) read.isSpoilt = true;
  }

  function flush(): void {
    slots.clear();
    slotsById.clear();
    slotsByMarker.clear();
    bytes = 0;
    for (const read of reads) read.isSpoilt = true;
  }

  return {
    find(key) {
      const slot = slots.get(key);
      if (slot === undefined) return undefined;
      if (slot.endsAt > performance.now()) {
        slot.wasUsed = true;
        return slot;
      }
      remove(slot);
      return undefined;
    },
    begin(key) {
      const token = { isSpoilt: clockMs === undefined, id: encodeKeyPart(key), startedAt: performance.now() };
      reads.add(token);
      return token;
    },
    end(token, key, what) {
      reads.delete(token);
      if (what === undefined || token.isSpoilt || clockMs === undefined) return;
      const size = what.bytes + SLOT_BYTES;
      const endsAt = Math.min(what.freshUntilMs - clockMs, token.startedAt + maxAgeMs);
      if (size > limits.maxBytes / 8 || endsAt <= performance.now()) return;
      const old = slots.get(key);
      if (old !== undefined) remove(old);
      const markers = what.tags.map((tag) => keyspace.tag(tag));
      freeze(what.value);
      add({ key, id: token.id, value: what.value, markers, bytes: size, endsAt, wasUsed: false });
    },
    drop: (key) => dropId(encodeKeyPart(key)),
    dropTags(tags) {
      for (const tag of tags) dropMarker(keyspace.tag(tag));
    },
    flush,
    get size() {
      return { entries: slots.size, bytes, isArmed: clockMs !== undefined };
    },
    onArmed(clock, maxAge = Infinity) {
      flush();
      clockMs = clock;
      maxAgeMs = maxAge;
    },
    onKey(redisKey) {
      const ownKey = redisKey.slice(keyPrefix.length);
      if (ownKey === keyspace.generation) return flush();
      const [, id] = keyPattern.exec(redisKey.slice(rootLength)) ?? [];
      if (id !== undefined) dropId(id);
      else if (ownKey.startsWith(keyspace.tagRoot)) dropMarker(ownKey);
    },
    onDown() {
      clockMs = undefined;
      flush();
    },
  };
}

/** All callers get the same object: one who changes it would change it for all. Buffers can't be frozen. */
function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const member of Object.values(value)) freeze(member);
}
