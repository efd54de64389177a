// The binary form of everything that is stored: 16 bytes, a small head, the body as it is. The body is never copied when
// it is read, and the head carries the versions under which the body was made.
//
//   0      1        2     3      4            8            12           16
//   magic  version  kind  flags  head length  body length  CRC-32 of    head (JSON), body
//                                                          the head
//
// A buffer that is anything else — cut off, written by other software, of an older version — decodes to `undefined`, which
// callers treat as a miss. The body has no checksum: it would cost more than the rest of a hit.

import { crc32 } from 'node:zlib';

const MAGIC = 0xa5;
const VERSION = 2;
/** Enough to tell one frame from another: the checksum covers the time and the versions. */
export const HEADER_BYTES = 16;
const LINGERS = 1;

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

/** A decoded frame. */
export interface Frame {
  /** One of {@link Kind}. */
  readonly kind: number;
  /** Outlives its freshness: a part of its own says whether it is fresh. */
  readonly lingers: boolean;
  /** Redis time in milliseconds at which it was made. */
  readonly storedAtMs: number;
  /** How long it is fresh from then on, ms. */
  readonly freshMs: number;
  /** How long it took to make, ms; 0 when unknown. */
  readonly costMs: number;
  /** Version of the key's fence, or `''` when the frame does not depend on it. */
  readonly fence: string;
  /** Version of the namespace. */
  readonly generation: string;
  /** Tags and their versions: `[tag, version, tag, version, …]`. */
  readonly tags: readonly string[];
  readonly body: Buffer;
}

export function encodeFrame(frame: Frame): Buffer {
  const head = Buffer.from(
    JSON.stringify([frame.storedAtMs, frame.freshMs, frame.costMs, frame.fence, frame.generation, ...frame.tags]),
  );
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = MAGIC;
  header[1] = VERSION;
  header[2] = frame.kind;
  header[3] = frame.lingers ? LINGERS : 0;
  header.writeUInt32LE(head.length, 4);
  header.writeUInt32LE(frame.body.length, 8);
  header.writeUInt32LE(crc32(head), 12);
  return Buffer.concat([header, head, frame.body]);
}

/** Gives the frame, or `undefined` when `bytes` are not exactly one whole frame of this version. */
export function decodeFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < HEADER_BYTES || bytes[0] !== MAGIC || bytes[1] !== VERSION) return undefined;
  const bodyStart = HEADER_BYTES + bytes.readUInt32LE(4);
  if (bytes.length !== bodyStart + bytes.readUInt32LE(8)) return undefined;
  const head = bytes.subarray(HEADER_BYTES, bodyStart);
  if (crc32(head) !== bytes.readUInt32LE(12)) return undefined;
  const fields = parseHead(head);
  if (fields === undefined) return undefined;
  const [storedAtMs, freshMs, costMs, fence, generation, ...tags] = fields;
  const lingers = bytes[3] === LINGERS;
  const body = bytes.subarray(bodyStart);
  return { kind: bytes[2] ?? 0, lingers, storedAtMs, freshMs, costMs, fence, generation, tags, body };
}

/**
 * Gives a decoder for the frames of one key: while their head stays what it was, byte for byte, it is not checked and
 * parsed again, which costs more than the rest of a hit.
 */
export function createFrameReader(): (bytes: Buffer) => Frame | undefined {
  let head: Buffer | undefined;
  let last: Frame | undefined;
  let length = 0;
  return (bytes) => {
    if (last !== undefined && head !== undefined && bytes.length === length) {
      if (bytes.compare(head, 0, head.length, 0, head.length) === 0) {
        const { kind, lingers, storedAtMs, freshMs, costMs, fence, generation, tags } = last;
        const body = bytes.subarray(head.length);
        return { kind, lingers, storedAtMs, freshMs, costMs, fence, generation, tags, body };
      }
    }
    const frame = decodeFrame(bytes);
    if (frame === undefined) return undefined;
    // Copied, and without the body: what is kept must not hold on to the whole reply.
    head = Buffer.from(bytes.subarray(0, bytes.length - frame.body.length));
    last = { ...frame, body: head.subarray(0, 0) };
    length = bytes.length;
    return frame;
  };
}

type Head = [number, number, number, string, string, ...string[]];

function parseHead(head: Buffer): Head | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(head.toString());
  } catch {
    // The checksum is right and the text is not JSON: not written by this code.
    return undefined;
  }
  if (!Array.isArray(fields) || fields.length < 5 || fields.length % 2 === 0) return undefined;
  const isRight = fields.every((field, index) => typeof field === (index < 3 ? 'number' : 'string'));
  return isRight ? (fields as Head) : undefined;
}
