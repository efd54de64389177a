/** Reads HTTP/1.1 answers with a `Content-Length` off a connection that carries one at a time. */
export class AnswerReader {
  #rest: Buffer = Buffer.alloc(0);
  #head: { readonly status: number; readonly bodyBytes: number; readonly totalBytes: number } | undefined;

  /**
   * Gives the answer that `chunk` completes, if it does.
   *
   * @throws {Error} for an answer without a length, whose end this reader could not tell
   */
  push(chunk: Buffer): { readonly status: number; readonly bodyBytes: number } | undefined {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#head ??= this.#readHead();
    if (this.#head === undefined || this.#rest.length < this.#head.totalBytes) return undefined;
    const { status, bodyBytes, totalBytes } = this.#head;
    this.#rest = this.#rest.subarray(totalBytes);
    this.#head = undefined;
    return { status, bodyBytes };
  }

  #readHead() {
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const text = this.#rest.toString('latin1', 0, end);
    const status = Number(text.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
    if (length === undefined && status !== 204 && status !== 304) {
      throw new Error(`An answer of status ${status} without Content-Length`);
    }
    const bodyBytes = Number(length ?? 0);
    return { status, bodyBytes, totalBytes: end + 4 + bodyBytes };
  }
}
