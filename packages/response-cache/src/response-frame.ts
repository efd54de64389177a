// A stored response: four bytes for the length of the head, the head as JSON, the body as it was sent. What is read back is
// checked before any of it is sent: a status and header fields that Node would send, or nothing.

import { validateHeaderName, validateHeaderValue } from 'node:http';

/** A header field; several lines of one name are a list. */
export type HeaderField = readonly [name: string, value: string | readonly string[]];

/** The response of a handler. */
export interface StoredResponse {
  readonly status: number;
  readonly headers: readonly HeaderField[];
  /** Said to be for everyone by the handler. */
  readonly isShared: boolean;
  /** How old it was when it came, in seconds. */
  readonly ageSeconds: number;
  readonly body: Buffer;
}

export function encodeResponse({ body, status, headers, isShared, ageSeconds }: StoredResponse): Buffer {
  const head = Buffer.from(JSON.stringify([status, isShared, ageSeconds, headers]));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  return Buffer.concat([length, head, body]);
}

/** Gives the response, or `undefined` when the bytes are none. */
export function decodeResponse(bytes: Buffer): StoredResponse | undefined {
  if (bytes.length < 4) return undefined;
  const bodyStart = 4 + bytes.readUInt32LE(0);
  if (bodyStart > bytes.length) return undefined;
  try {
    const [status, isShared, ageSeconds, headers] = JSON.parse(bytes.toString('utf8', 4, bodyStart)) as unknown[];
    if (!Number.isInteger(status) || Number(status) < 200 || Number(status) > 599) return undefined;
    if (typeof isShared !== 'boolean' || typeof ageSeconds !== 'number' || !areHeaders(headers)) return undefined;
    return { status: Number(status), isShared, ageSeconds, headers, body: bytes.subarray(bodyStart) };
  } catch {
    // No JSON, no array, or a field that could not be sent: whoever wrote it, it is no response of this cache.
    return undefined;
  }
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
