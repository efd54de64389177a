// The bytes of an answer, up to a size.

/** Collects chunks; forgets them all as soon as they exceed the size, so that large streams cost no memory. */
export class BodyBuffer {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Copies the chunk: streams reuse their buffers. */
  add(chunk: string | Uint8Array, encoding: BufferEncoding | undefined): void {
    this.#length = this.lengthWith(chunk, encoding);
    if (this.#length > this.#maxBytes) this.#chunks = [];
    else this.#chunks.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk));
  }

  /** How long the body would be with this chunk. */
  lengthWith(chunk: string | Uint8Array, encoding: BufferEncoding | undefined): number {
    return this.#length + (typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.byteLength);
  }

  /** The body, or `undefined` when it was too large. */
  get bytes(): Buffer | undefined {
    return this.#length > this.#maxBytes ? undefined : Buffer.concat(this.#chunks);
  }
}
