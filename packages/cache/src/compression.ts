// Compression of values, on the threads of libuv: the event loop only hands over. Raw deflate at its fastest level, which
// every Node has; what it can't make a tenth smaller stays as it is.

import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { EncodedValue } from './value-codec.js';

const deflate = promisify<Buffer, { level: number }, Buffer>(deflateRaw);
const inflate = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflateRaw);

export async function compress(value: EncodedValue): Promise<EncodedValue> {
  const body = await deflate(value.body, { level: 1 });
  return body.length < value.body.length * 0.9 ? { ...value, body, isCompressed: true } : value;
}

/** Gives `undefined` for what is damaged, or would grow beyond `maxBytes`. */
export async function decompress(body: Buffer, maxBytes: number): Promise<Buffer | undefined> {
  // zlib's own errors only: each says that the bytes are not what `compress` made.
  return inflate(body, { maxOutputLength: maxBytes }).catch(() => undefined);
}
