import type { Answer } from './scenario.js';

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number;
  readonly body: Buffer;
  /** Takes the head apart as well. */
  read(): Answer;
}

/** Reads HTTP/1.1 answers with a `Content-Length` off a connection that carries one at a time. */
export class AnswerReader {
  #rest: Buffer = Buffer.alloc(0);
  #head: { readonly text: string; readonly bodyAt: number; readonly endsAt: number } | undefined;

  /**
   * Gives the answer that `chunk` completes, if it does.
   *
   * @throws {Error} for an answer without a length, whose end this reader could not tell
   */
  push(chunk: Buffer): RawAnswer | undefined {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#head ??= this.#readHead();
    if (this.#head === undefined || this.#rest.length < this.#head.endsAt) return undefined;
    const { text, bodyAt, endsAt } = this.#head;
    const body = this.#rest.subarray(bodyAt, endsAt);
    this.#rest = this.#rest.subarray(endsAt);
    this.#head = undefined;
    return {
      status: statusOf(text),
      body,
      read: () => ({ ...fieldsOf(text), status: statusOf(text), body: body.toString() }),
    };
  }

  #readHead() {
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const text = this.#rest.toString('latin1', 0, end);
    const status = statusOf(text);
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
    if (length === undefined && status !== 204 && status !== 304) {
      throw new Error(`An answer of status ${status} without Content-Length`);
    }
    return { text, bodyAt: end + 4, endsAt: end + 4 + Number(length ?? 0) };
  }
}

function statusOf(head: string): number {
  return Number(head.slice(9, 12));
}

function fieldsOf(head: string): Pick<Answer, 'headers' | 'cookies'> {
  const lines = head.split('\r\n').slice(1);
  const fields = lines.map((line) => [
    line.slice(0, line.indexOf(':')).toLowerCase(),
    line.slice(line.indexOf(':') + 1).trim(),
  ]);
  const cookies = fields.filter(([name]) => name === 'set-cookie').map(([, value = '']) => value);
  return { headers: Object.fromEntries(fields) as Record<string, string>, cookies };
}
