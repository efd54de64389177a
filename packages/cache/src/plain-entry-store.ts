// The entry store for servers that have strings and little else: GET, SET … PX and DEL are all that is sent. There are no
// versions, so there are no tags and no `clear`, and a purge turns away only the loads of its own process; there are no
// leases, so each process loads for itself.

import { createStoreGuard } from '@sallyport/core';
import type { Busy, Entry, EntryStore, Fill, Write } from './entry-store.js';
import { PlainModeError } from './errors.js';
import { decodeFrame, encodeFrame, trailerOf } from './frame.js';
import { createKeyspace } from './keyspace.js';
import type { EntryStoreOptions } from './redis-entry-store.js';

/** Stands for the fence and the generation. */
const NO_VERSIONS = ['-', '-'];

/** A load of this process. */
interface Running {
  isOvertaken: boolean;
  readonly done: Promise<string | undefined>;
  readonly end: (text: string | undefined) => void;
}

export function createPlainEntryStore(options: EntryStoreOptions): EntryStore {
  const { redis, onCorrupt, deadlineMs, now = Date.now } = options;
  const guard = createStoreGuard(options);
  const keyspace = createKeyspace(options.prefix, options.namespace);
  const running = new Map<string, Set<Running>>();
  const refuse = (what: string) => Promise.reject(new PlainModeError(what));

  async function get(key: string, part: string): Promise<Entry | undefined> {
    const bytes = await guard.run(() => redis.callBuffer('get', keyspace.part(key, part)));
    if (!Buffer.isBuffer(bytes)) return undefined;
    const frame = decodeFrame(bytes);
    if (frame === undefined) onCorrupt(key);
    return frame;
  }

  /** SETs and then DELs nothing: a part that is to go is either never read without the value, or ends by itself. */
  async function setAll(key: string, writes: readonly Write[]): Promise<void> {
    const trailer = trailerOf(now(), NO_VERSIONS);
    await guard.run(() =>
      Promise.all(
        writes.flatMap(
          ({ part, ttlMs, lingers = false, isCompressed = false, freshMs = ttlMs, costMs = 0, ...rest }) => {
            if (ttlMs === 0) return [];
            const frame = encodeFrame({ ...rest, lingers, isCompressed, freshMs, costMs, tags: [] });
            return [redis.call('set', keyspace.part(key, part), Buffer.concat([frame, trailer]), 'PX', ttlMs)];
          },
        ),
      ),
    );
  }

  function overtake(key: string): void {
    for (const load of running.get(key) ?? []) load.isOvertaken = true;
  }

  function begin(key: string): Fill {
    let end: Running['end'] = () => undefined;
    const done = new Promise<string | undefined>((resolve) => (end = resolve));
    const load: Running = { isOvertaken: false, done, end };
    const loads = running.get(key) ?? new Set();
    running.set(key, loads.add(load));
    function finish(text: string | undefined): void {
      loads.delete(load);
      if (loads.size === 0 && running.get(key) === loads) running.delete(key);
      load.end(text);
    }
    return {
      async commit(writes, lateTags = []) {
        try {
          if (lateTags.length > 0) return await refuse('tags');
          // A DEL that comes later is sent later, on the same connection.
          if (load.isOvertaken) return false;
          await setAll(key, writes);
          return true;
        } finally {
          finish(undefined);
        }
      },
      async abandon(text = '') {
        finish(text === '' ? undefined : text);
      },
    };
  }

  const store: EntryStore = {
    now,
    deadlineMs,
    isPlain: true,
    openMemory: () => undefined,
    read: async (key, parts, how) => [...(await store.look(key, parts, how)).entries],
    async look(key, parts, { tags = [], isFenced = false } = {}) {
      if (tags.length > 0 || isFenced) return refuse('versions');
      const entries = await Promise.all(parts.map((part) => get(key, part)));
      return { entries, sight: { parts, heads: Buffer.alloc(0) } };
    },
    lookMany: (keys, parts, how) => Promise.all(keys.map((key) => store.look(key, parts, how))),
    prepareLook: (key, parts, how, interpret) => async () => interpret(await store.look(key, parts, how)),
    async startFill(key, { tags = [], isFenced = false }) {
      return tags.length > 0 || isFenced ? refuse('versions') : begin(key);
    },
    async claimFill(key): Promise<Fill | Busy> {
      const [load] = [...(running.get(key) ?? [])].filter(({ isOvertaken }) => !isOvertaken);
      if (load === undefined) return begin(key);
      return { wait: (maxMs) => waitFor(load.done, maxMs), cancel: () => undefined };
    },
    async put(key, writes, tags) {
      if (tags.length > 0) return refuse('tags');
      overtake(key);
      return setAll(key, writes);
    },
    async delete(key, parts, { soft = false } = {}) {
      overtake(key);
      const del = async (name: string) => Number(await redis.call('del', keyspace.part(key, name)));
      const [known = '', ...others] = parts;
      if (soft && (await get(key, known))?.lingers === true) {
        await guard.run(() => Promise.all(others.map(del)));
        return true;
      }
      const [count] = await guard.run(() => Promise.all(parts.map(del)));
      return count === 1;
    },
    invalidateTags: async (tags) => (tags.length === 0 ? undefined : refuse('tags')),
    clear: () => refuse('clear()'),
  };
  return store;
}

async function waitFor(done: Promise<string | undefined>, maxMs: number): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, maxMs, undefined)));
  try {
    return await Promise.race([done, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
