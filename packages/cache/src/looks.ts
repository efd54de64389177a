// Reads entries with the versions that they depend on, and judges what came.

import type { Entry, EntryRead, Look } from './entry-store.js';
import { createFrameReader } from './frame-reader.js';
import { decodeFrame, HEADER_BYTES, type Frame } from './frame.js';
import { createVersionReader, textOf, type VersionReaderContext } from './version-reader.js';
import { compareVersions, softenedAtMs } from './versions.js';

export interface Looks {
  readonly many: (keys: readonly string[], parts: readonly string[], how?: EntryRead) => Promise<Look[]>;
  /** Gives a look at one key, to be repeated. */
  readonly prepare: <T>(
    key: string,
    parts: readonly string[],
    how: EntryRead,
    interpret: (look: Look) => T,
  ) => () => Promise<T>;
}

export interface LooksContext extends VersionReaderContext {
  /** Receives the key of a record that is damaged. */
  readonly onCorrupt: (key: string) => void;
}

/** Keys of one command at most: a command holds up all others. */
const CHUNK = 100;
const NOTHING = Buffer.alloc(0);

/** Versions as they stand in Redis. */
interface SeenVersions {
  readonly generation: string | undefined;
  readonly tags: ReadonlyMap<string, string | undefined>;
}

export function createLooks(context: LooksContext): Looks {
  const { keyspace, isCluster, onCorrupt } = context;
  const versions = createVersionReader(context);

  /** @param newDecoder gives what decodes the frames of one part of one key */
  function plan(
    keys: readonly string[],
    parts: readonly string[],
    { tags = [], isFenced = false }: EntryRead,
    newDecoder: () => typeof decodeFrame,
  ): (onLeave?: () => void) => Promise<Look[]> {
    const groups = keys.map((key) => {
      const own = parts.map((part) => keyspace.part(key, part));
      return isFenced ? [...own, keyspace.fence(key)] : own;
    });
    const read = versions.prepare([...groups, [keyspace.generation, ...tags.map((tag) => keyspace.tag(tag))]]);
    const decoders = keys.map(() => parts.map(newDecoder));
    const width = parts.length + Number(isFenced);
    const markersStart = keys.length * width;

    function decode(values: readonly (Buffer | undefined)[], at: number): (Frame | undefined)[] {
      return parts.map((_part, index) => {
        const bytes = values[at * width + index];
        if (bytes === undefined) return undefined;
        const frame = decoders[at]?.[index]?.(bytes);
        if (frame === undefined) onCorrupt(keys[at] ?? '');
        return frame;
      });
    }

    return async (onLeave) => {
      const values = await read(onLeave);
      const found = keys.map((_key, at) => decode(values, at));
      const seenTags = new Map(tags.map((tag, index) => [tag, textOf(values[markersStart + 1 + index])]));
      const unseen = new Set<string>();
      for (const frames of found) {
        for (const frame of frames) for (const tag of frame?.tags ?? []) if (!seenTags.has(tag)) unseen.add(tag);
      }
      if (unseen.size > 0) {
        for (const [tag, version] of await versions.readTags([...unseen])) seenTags.set(tag, version);
      }
      const seen = { generation: textOf(values[markersStart]), tags: seenTags };
      return found.map((frames, at) => {
        const start = at * width;
        const fence = isFenced ? textOf(values[start + parts.length]) : '';
        return {
          entries: frames.map((frame) => frame && judge(frame, fence, seen)),
          sight: {
            parts,
            // Asked for only where a load follows.
            get heads() {
              return Buffer.concat(parts.map((_part, index) => headOf(values[start + index])));
            },
          },
        };
      });
    };
  }

  return {
    async many(keys, parts, how = {}) {
      const chunks: Promise<Look[]>[] = [];
      for (let from = 0; from < keys.length; from += CHUNK) {
        chunks.push(plan(keys.slice(from, from + CHUNK), parts, how, () => decodeFrame)());
      }
      return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : (await Promise.all(chunks)).flat();
    },
    prepare(key, parts, how, interpret) {
      const look = plan([key], parts, how, createFrameReader);
      async function run(onLeave?: () => void) {
        const [made] = await look(onLeave);
        if (made === undefined) throw new TypeError('look: no reply');
        return interpret(made);
      }
      if (isCluster) return () => run();
      // Whoever asks before the read has left is answered by it: it will see all that was there when they asked.
      let waiting: ReturnType<typeof run> | undefined;
      const leave = () => (waiting = undefined);
      return () => (waiting ??= run(leave));
    },
  };
}

function headOf(frame: Buffer | undefined): Buffer {
  return frame === undefined ? NOTHING : frame.subarray(0, HEADER_BYTES);
}

/** Gives the entry if all versions it was made under still stand, apart from soft purges. */
function judge(frame: Frame, fence: string | undefined, seen: SeenVersions): Entry | undefined {
  let { softAtMs } = frame;
  const isVoid = (made: string, now: string | undefined): boolean => {
    const verdict = compareVersions(made, now);
    if (verdict === 'softened') {
      const at = softenedAtMs(now ?? '');
      softAtMs = softAtMs === 0 ? at : Math.min(softAtMs, at);
    }
    return verdict === 'void';
  };
  if (isVoid(frame.fence, fence) || isVoid(frame.generation, seen.generation)) return undefined;
  if (frame.tags.some((tag, index) => isVoid(frame.versions[index] ?? '', seen.tags.get(tag)))) return undefined;
  const { kind, lingers, isCompressed, storedAtMs, freshMs, costMs, tags, body } = frame;
  return { kind, lingers, isCompressed, storedAtMs, freshMs, costMs, tags, body, softAtMs };
}
