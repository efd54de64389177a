// Listens in on a response while it is sent. Everything a handler can do ends in `writeHead`, `write` and `end` — `send`,
// `json`, `pipe`, `sendFile` too — so these three are wrapped. Bytes go to the client first and unchanged; a copy is kept up
// to a limit. Compression in front of the cache is installed below these wrappers and gets the plain bytes after them;
// compression behind it is above, and its output is what arrives here.

import type { ServerResponse } from 'node:http';
import { applyHeadArguments } from './response-head.js';

/** What is told about the response. */
export interface CaptureListener {
  /**
   * The head is complete and about to be written; may change it. Gives whether the body is wanted, or what is sent in place
   * of all that the handler has written and will write.
   */
  onHead(): boolean | Replacement;
  /** The head was written, after layers below have had their say. Gives whether the body is still wanted. */
  onHeadSent(): boolean;
  /** The handler has ended the response, and this is all of its body. */
  onEnd(body: Buffer): void;
  /** The body will not be complete here: too large, or followed by trailers. */
  onGiveUp(reason: 'too-large' | 'trailers'): void;
}

/** The head is on the response already; `undefined` for no body. */
export interface Replacement {
  readonly body: Buffer | undefined;
}

const METHODS = ['writeHead', 'write', 'end', 'addTrailers'] as const;
type Method = (typeof METHODS)[number];
type Loose = (...args: unknown[]) => unknown;

/**
 * Installs the wrappers on this one response.
 *
 * @param mayReplace `onHead` may give a replacement, so it must be called before any of the handler's body is on its way
 */
export function capture(
  res: ServerResponse,
  { maxBodyBytes, mayReplace }: { readonly maxBodyBytes: number; readonly mayReplace: boolean },
  listener: CaptureListener,
): void {
  const original = new Map(METHODS.map((name) => [name, Reflect.get(res, name) as Loose]));
  const call = (name: Method, args: unknown[]) => original.get(name)?.apply(res, args);
  const chunks: Buffer[] = [];
  let bytes = 0;
  /** What has become of the head: it is asked for before the body, decided on, and then written. */
  let head: 'open' | 'asked' | 'decided' | 'written' | 'replaced' = 'open';
  let isWanted = false;
  let isEnded = false;

  function giveUp(reason: 'too-large' | 'trailers'): void {
    if (!isWanted) return;
    isWanted = false;
    chunks.length = 0;
    listener.onGiveUp(reason);
  }

  function keep(chunk: unknown, encoding: unknown, isLast: boolean): void {
    if (!isWanted || isEnded) return;
    const copy = bytesOf(chunk, encoding, isLast);
    if (copy === undefined) return;
    bytes += copy.length;
    if (bytes > maxBodyBytes) giveUp('too-large');
    else chunks.push(copy);
  }

  // Through a function, since the compiler does not see that `decide` changes it.
  const stateOf = (): string => head;

  function decide(args: unknown[]): void {
    applyHeadArguments(res, args);
    const decision = listener.onHead();
    isWanted = decision === true;
    if (typeof decision === 'boolean') return;
    head = 'replaced';
    call('end', decision.body === undefined ? [] : [decision.body]);
  }

  /** Gives whether the handler's body is not to be sent. The whole chain is asked, for layers behind the cache listen, too. */
  function isReplaced(): boolean {
    if (mayReplace && head === 'open' && !res.headersSent) {
      head = 'asked';
      try {
        res.writeHead(res.statusCode);
      } catch (error) {
        head = 'open';
        throw error;
      }
    }
    return head === 'replaced';
  }

  const wrapped: Record<Method, Loose> = {
    writeHead(...args) {
      // A replacement writes its head through here; what the handler writes afterwards is dropped.
      if (head === 'replaced') return res.headersSent ? res : call('writeHead', [res.statusCode]);
      if (head === 'written' || res.headersSent) return call('writeHead', args);
      const isAsked = head === 'asked';
      const isDecided = head === 'decided';
      head = 'decided';
      try {
        if (!isDecided) decide(args);
        if (isAsked || stateOf() === 'replaced') return res;
        head = 'written';
        call('writeHead', [res.statusCode]);
      } catch (error) {
        // A head that Node refuses was not sent: the error handler will send another.
        head = 'open';
        isWanted = false;
        throw error;
      }
      isWanted &&= listener.onHeadSent();
      return res;
    },
    write(...args) {
      if (isReplaced()) return true;
      const result = call('write', args);
      keep(args[0], args[1], false);
      return result;
    },
    end(...args) {
      if (isReplaced()) return res;
      const result = call('end', args);
      keep(args[0], args[1], true);
      // Here and not on `finish`, which never comes when the client is gone although the body is complete.
      if (isWanted && !isEnded) listener.onEnd(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
      isEnded = true;
      return result;
    },
    addTrailers(...args) {
      giveUp('trailers');
      return call('addTrailers', args);
    },
  };
  Object.assign(res, wrapped);
}

/** The last chunk is used up at once; of the others a copy is kept, since the handler may write its buffer anew. */
function bytesOf(chunk: unknown, encoding: unknown, isLast: boolean): Buffer | undefined {
  if (typeof chunk === 'string') {
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  }
  if (!(chunk instanceof Uint8Array)) return undefined;
  return isLast ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : Buffer.from(chunk);
}
