// The binary form of everything that is stored. The body is never copied when it is read.
//
//   0      1        2     3      4       8       12         16        29            …     …
//   magic  version  kind  flags  length  length  CRC-32 of  softened  head (JSON),  body  trailer: time and versions
//                                of      of      2…11 and   at
//                                head    body    the head
//
// The client makes all but the trailer, which is for the script that writes the frame: it is the one that knows the time
// of Redis and the versions under which the body was made. `softened at` is 13 digits of milliseconds, so that a soft
// purge can overwrite them in place.
//
// A buffer that is anything else — cut off, written by other software, of an older version — decodes to `undefined`, which
// callers treat as a miss. Body and trailer have no checksum: that of the body would cost more than the rest of a hit, and
// a damaged version equals no other.

import { crc32 } from 'node:zlib';

const MAGIC = 0xa5;
const VERSION = 3;
const LINGERS = 1;
const COMPRESSED = 2;
/** Where a soft purge notes its time. */
export const SOFT_AT = 16;
const SOFT_DIGITS = 13;
/** Enough to tell one frame from another: the checksum covers a random number. */
export const HEADER_BYTES = SOFT_AT + SOFT_DIGITS;

/** What the body of a frame is. */
export const Kind = {
  Json: 0,
  Bytes: 1,
  /** `undefined` */
  Absent: 2,
  /** The record of a failed load, as JSON. */
  Failure: 3,
  /** No body: the frame's presence is the information. */
  Mark: 4,
} as const;

/** The part of a frame that its maker knows. */
export interface FrameContent {
  /** One of {@link Kind}. */
  readonly kind: number;
  /** Outlives its freshness: a part of its own says whether it is fresh. */
  readonly lingers: boolean;
  /** The body is compressed (raw deflate). */
  readonly isCompressed: boolean;
  /** How long it is fresh from when it was stored, ms. */
  readonly freshMs: number;
  /** How long it took to make, ms; 0 when unknown. */
  readonly costMs: number;
  readonly tags: readonly string[];
  readonly body: Buffer;
}

/** A decoded frame. */
export interface Frame extends FrameContent {
  /** Redis time in milliseconds at which it was stored. */
  readonly storedAtMs: number;
  /** Redis time in milliseconds at which a soft purge of its key came; 0 when none did. */
  readonly softAtMs: number;
  /** Version of the key's fence, or `''` when the frame does not depend on it. */
  readonly fence: string;
  /** Version of the namespace. */
  readonly generation: string;
  /** Versions of the tags, in their order. */
  readonly versions: readonly string[];
}

/** Gives the frame without its trailer. */
export function encodeFrame({ kind, lingers, isCompressed, freshMs, costMs, tags, body }: FrameContent): Buffer {
  const nonce = Math.floor(Math.random() * 2 ** 32);
  const head = Buffer.from(JSON.stringify([nonce, freshMs, costMs, ...tags]));
  const header = Buffer.alloc(HEADER_BYTES, '0');
  header[0] = MAGIC;
  header[1] = VERSION;
  header[2] = kind;
  header[3] = (lingers ? LINGERS : 0) | (isCompressed ? COMPRESSED : 0);
  header.writeUInt32LE(head.length, 4);
  header.writeUInt32LE(body.length, 8);
  header.writeUInt32LE(checksum(header, head), 12);
  return Buffer.concat([header, head, body]);
}

/**
 * The trailer, where a client writes it: `<time> <fence> <generation> <version of each tag>;`, `-` for no fence.
 * The script `commit-fill` makes the same.
 */
export function trailerOf(timeMs: number, versions: readonly string[]): Buffer {
  return Buffer.from(`${[Math.floor(timeMs), ...versions].join(' ')};`, 'latin1');
}

/** Gives the frame, or `undefined` when `bytes` are not exactly one whole frame of this version. */
export function decodeFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < HEADER_BYTES || bytes[0] !== MAGIC || bytes[1] !== VERSION) return undefined;
  const bodyStart = HEADER_BYTES + bytes.readUInt32LE(4);
  const bodyEnd = bodyStart + bytes.readUInt32LE(8);
  if (bodyEnd >= bytes.length) return undefined;
  const head = bytes.subarray(HEADER_BYTES, bodyStart);
  if (checksum(bytes, head) !== bytes.readUInt32LE(12)) return undefined;
  const fields = parseHead(head);
  const trailer = bytes.toString('latin1', bodyEnd);
  const softAtMs = Number(bytes.toString('latin1', SOFT_AT, HEADER_BYTES));
  if (fields === undefined || !trailer.endsWith(';') || !(softAtMs >= 0)) return undefined;
  const [, freshMs, costMs, ...tags] = fields;
  const [time, fence = '', generation = '', ...versions] = trailer.slice(0, -1).split(' ');
  const storedAtMs = Number(time);
  if (!Number.isSafeInteger(storedAtMs) || versions.length !== tags.length) return undefined;
  const flags = bytes[3] ?? 0;
  return {
    kind: bytes[2] ?? 0,
    lingers: (flags & LINGERS) !== 0,
    isCompressed: (flags & COMPRESSED) !== 0,
    freshMs,
    costMs,
    tags,
    body: bytes.subarray(bodyStart, bodyEnd),
    storedAtMs,
    softAtMs,
    fence: fence === '-' ? '' : fence,
    generation,
    versions,
  };
}

/** Of kind, flags, lengths and head. */
function checksum(header: Buffer, head: Buffer): number {
  return crc32(head, crc32(header.subarray(2, 12)));
}

type Head = [nonce: number, freshMs: number, costMs: number, ...tags: string[]];

function parseHead(head: Buffer): Head | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(head.toString());
  } catch {
    // The checksum is right and the text is not JSON: not written by this code.
    return undefined;
  }
  if (!Array.isArray(fields) || fields.length < 3) return undefined;
  const isRight = fields.every((field, index) => typeof field === (index < 3 ? 'number' : 'string'));
  return isRight ? (fields as Head) : undefined;
}
