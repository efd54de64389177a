/**
 * Decoding of RESP2, as pure functions of a buffer: no socket, no state between calls. A reply that is cut off is decoded
 * from its start again when more has come; replies here are small, and simplicity is worth more than the second look.
 */

/** An error reply of the server, such as `ERR …`, `LOADING …` or `NOAUTH …`. */
export class RespError extends Error {
  override readonly name = 'RespError';
}

/** What commands answer: nil is null, bulk and simple strings are the same here. */
export type RespReply = string | number | null | RespReply[];

interface Decoded {
  /** A top-level error reply stays a value here: only the connection knows whose promise it rejects. */
  reply: RespReply | RespError;
  /** Offset of the first byte after the reply. */
  end: number;
}

/**
 * Decodes the RESP2 reply that starts at `from`.
 * @returns undefined while the reply is not complete yet.
 * @throws {RespError} for a type byte that RESP2 does not have, and for an error inside an array (only MULTI and Lua make those).
 */
export function decodeReply(buffer: Buffer, from: number): Decoded | undefined {
  const lineEnd = buffer.indexOf('\r\n', from);
  if (lineEnd === -1) return undefined;
  const line = buffer.toString('utf8', from + 1, lineEnd);
  const end = lineEnd + 2;
  switch (String.fromCharCode(buffer[from] ?? 0)) {
    case '+':
      return { reply: line, end };
    case '-':
      return { reply: new RespError(line), end };
    case ':':
      return { reply: Number(line), end };
    case '$':
      return decodeBulk(buffer, end, Number(line));
    case '*':
      return decodeArray(buffer, end, Number(line));
    default:
      throw new RespError(`not a RESP2 reply: ${buffer.toString('latin1', from, lineEnd).slice(0, 40)}`);
  }
}

function decodeBulk(buffer: Buffer, start: number, length: number): Decoded | undefined {
  if (length === -1) return { reply: null, end: start };
  const end = start + length + 2;
  if (buffer.length < end) return undefined;
  return { reply: buffer.toString('utf8', start, start + length), end };
}

function decodeArray(buffer: Buffer, start: number, count: number): Decoded | undefined {
  if (count === -1) return { reply: null, end: start };
  const items: RespReply[] = [];
  let end = start;
  while (items.length < count) {
    const item = decodeReply(buffer, end);
    if (item === undefined) return undefined;
    if (item.reply instanceof RespError) throw item.reply;
    items.push(item.reply);
    end = item.end;
  }
  return { reply: items, end };
}
