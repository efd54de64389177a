// A stored response: four bytes for the length of the head, the head as JSON, the body as it was sent. What is read back is
// checked before any of it is sent: a status and header fields that Node would send, or nothing.

import { validateHeaderName, validateHeaderValue } from 'node:http';

/** A header field; several lines of one name are a list. */
export type HeaderField = readonly [name: string, value: string | readonly string[]];

/** Times that count from when it was stored, in milliseconds. */
export interface Life {
  readonly ttlMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** No directive forbids to serve it stale. */
  readonly isStaleAllowed: boolean;
}

/** The response of a handler. */
export interface StoredResponse {
  readonly status: number;
  readonly headers: readonly HeaderField[];
  /** Said to be for everyone by the handler. */
  readonly isShared: boolean;
  /** How old it was when it came, in seconds. */
  readonly ageSeconds: number;
  /** How long it is fresh, and may be used when stale, in milliseconds. */
  readonly life: Life;
  readonly body: Buffer;
}

export function encodeResponse({ body, status, headers, isShared, ageSeconds, life }: StoredResponse): Buffer {
  const lives = [life.ttlMs, life.staleWhileRevalidateMs, life.staleIfErrorMs, Number(life.isStaleAllowed)];
  const head = Buffer.from(JSON.stringify([status, isShared, ageSeconds, lives, headers]));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  return Buffer.concat([length, head, body]);
}

/** Gives the response, or `undefined` when the bytes are none. */
export function decodeResponse(bytes: Buffer): StoredResponse | undefined {
  return createResponseReader()(bytes);
}

/**
 * Gives a decoder for the responses of one variant: while the head stays what it was, byte for byte, it is not parsed and
 * checked again, which costs more than the rest of a hit.
 */
export function createResponseReader(): (bytes: Buffer) => StoredResponse | undefined {
  let knownBytes: Buffer | undefined;
  let known: Head | undefined;
  return (bytes) => {
    if (bytes.length < 4) return undefined;
    const bodyStart = 4 + bytes.readUInt32LE(0);
    if (bodyStart > bytes.length) return undefined;
    const isKnown = knownBytes !== undefined && bytes.compare(knownBytes, 0, knownBytes.length, 0, bodyStart) === 0;
    if (!isKnown || known === undefined) {
      known = decodeHead(bytes.toString('utf8', 4, bodyStart));
      knownBytes = known && Buffer.from(bytes.subarray(0, bodyStart));
      if (known === undefined) return undefined;
    }
    const { status, headers, isShared, ageSeconds, life } = known;
    return { status, headers, isShared, ageSeconds, life, body: bytes.subarray(bodyStart) };
  };
}

type Head = Omit<StoredResponse, 'body'>;

function decodeHead(text: string): Head | undefined {
  try {
    const [status, isShared, ageSeconds, lives, headers] = JSON.parse(text) as unknown[];
    if (!Number.isInteger(status) || Number(status) < 200 || Number(status) > 599) return undefined;
    if (typeof isShared !== 'boolean' || typeof ageSeconds !== 'number' || !areHeaders(headers)) return undefined;
    const life = lifeOf(lives);
    return life && { status: Number(status), isShared, ageSeconds, life, headers };
  } catch {
    // No JSON, no array, or a field that could not be sent: whoever wrote it, it is no response of this cache.
    return undefined;
  }
}

function lifeOf(lives: unknown): Life | undefined {
  if (!Array.isArray(lives) || !lives.every((ms) => typeof ms === 'number' && ms >= 0)) return undefined;
  const [ttlMs, staleWhileRevalidateMs, staleIfErrorMs, allowed] = lives as (number | undefined)[];
  if (ttlMs === undefined || staleWhileRevalidateMs === undefined || staleIfErrorMs === undefined) return undefined;
  return { ttlMs, staleWhileRevalidateMs, staleIfErrorMs, isStaleAllowed: allowed === 1 };
}

function areHeaders(headers: unknown): headers is HeaderField[] {
  if (!Array.isArray(headers)) return false;
  for (const [name, value] of headers as [string, string | string[]][]) {
    validateHeaderName(name);
    for (const line of Array.isArray(value) ? value : [value]) {
      if (typeof line !== 'string') return false;
      validateHeaderValue(name, line);
    }
  }
  return true;
}
