/**
 * Cuts a byte stream of the Redis protocol (RESP2 and RESP3) into whole values. Only lengths are read; what a value means is
 * left to the caller. That is enough to pair each reply with its command, whatever the size of the TCP chunks.
 */
const CRLF = '\r\n';
const CR_LENGTH = CRLF.length;

/** Collects chunks and gives back the values that are complete. */
export class RespSplitter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const values: Buffer[] = [];
    let start = 0;
    for (let end = endOfValue(this.#rest, start); end !== undefined; end = endOfValue(this.#rest, start)) {
      values.push(this.#rest.subarray(start, end));
      start = end;
    }
    this.#rest = this.#rest.subarray(start);
    return values;
  }
}

/** The words of a command, which clients send as an array of bulk strings; `undefined` for anything else. */
export function wordsOf(request: Buffer): Buffer[] | undefined {
  if (request[0] !== '*'.charCodeAt(0)) return undefined;
  const words: Buffer[] = [];
  let at = endOfLine(request, 0);
  while (at !== undefined && at < request.length) {
    const start = endOfLine(request, at);
    const end = endOfValue(request, at);
    if (start === undefined || end === undefined) return undefined;
    words.push(request.subarray(start, end - CR_LENGTH));
    at = end;
  }
  return words;
}

/** True for RESP3 push messages, which answer no command. */
export function isPush(reply: Buffer): boolean {
  return reply[0] === '>'.charCodeAt(0);
}

/** Offset after the value that begins at `start`, or `undefined` while it is incomplete. */
function endOfValue(bytes: Buffer, start: number): number | undefined {
  const afterLine = endOfLine(bytes, start);
  if (afterLine === undefined) return undefined;
  const length = Number(bytes.toString('latin1', start + 1, afterLine - CR_LENGTH));
  switch (String.fromCharCode(bytes[start] ?? 0)) {
    case '$':
    case '!':
    case '=': {
      const end = length < 0 ? afterLine : afterLine + length + CR_LENGTH;
      return end <= bytes.length ? end : undefined;
    }
    case '*':
    case '~':
    case '>':
      return endOfValues(bytes, afterLine, length);
    case '%':
      return endOfValues(bytes, afterLine, length * 2);
    case '|':
      // An attribute is metadata in front of a value and belongs to it.
      return endOfValues(bytes, afterLine, length * 2 + 1);
    default:
      return afterLine;
  }
}

function endOfValues(bytes: Buffer, start: number, count: number): number | undefined {
  let end: number | undefined = start;
  for (let done = 0; done < count && end !== undefined; done += 1) end = endOfValue(bytes, end);
  return end;
}

function endOfLine(bytes: Buffer, start: number): number | undefined {
  const at = bytes.indexOf(CRLF, start, 'latin1');
  return at === -1 ? undefined : at + CR_LENGTH;
}
