// Reads an answer while it is being sent, at the level of `writeHead`, `write` and `end`, so that it does not matter how
// the handler sends it. Bytes pass through as they come, with their backpressure; only the call that makes the answer whole
// is held until the answer has been stored: `end`, or the `write` that reaches the Content-Length. So a client that has the
// whole answer can rely on it.
//
//   open ──last call──► held ──stored, or the store did not answer──► over

import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { readHead, type AnswerHead } from './answer-head.js';
import { BodyBuffer } from './body-buffer.js';
import { applyWriteHead, overrideMethods, pretendSent, readTrailers, readWriteCall } from './response-override.js';

/** An answer, as it is kept. */
export interface Answer {
  readonly head: AnswerHead;
  /** `undefined` when larger than the limit. */
  readonly body: Buffer | undefined;
}

/** What {@link captureAnswer} is told. */
export interface CaptureOptions {
  /** Larger bodies pass through, but are not captured. */
  readonly maxBodyBytes: number;
  /** Called once, at the end; the last byte waits for it. `taken`: the answer does not count and is not to be sent. */
  readonly onAnswer: (answer: Answer) => Promise<'send' | 'taken'>;
  /** Answers in place of an answer that does not count and has not begun. */
  readonly replace: () => void;
}

/** Watches the response until it is whole. */
export function captureAnswer(res: ServerResponse, { maxBodyBytes, onAnswer, replace }: CaptureOptions): void {
  const before = res.getHeaders();
  const body = new BodyBuffer(maxBodyBytes);
  const trailers: [name: string, value: string][] = [];
  let head: AnswerHead | undefined;
  let phase: 'open' | 'ending' | 'written' | 'ended' = 'open';
  /** What `end` was given while a `write` was held. */
  let endArgs: unknown[] | undefined;

  /** Makes `writeHead` run without sending, so that middleware that waits for it can add its headers. */
  function askForHead(): void {
    phase = 'ending';
    try {
      res.writeHead(res.statusCode);
    } finally {
      // When it throws, the error handler has yet to answer.
      phase = 'open';
    }
  }

  /** Holds the call that makes the answer whole; `send` makes it, with a chunk that is ours. */
  function hold(chunk: unknown, encoding: BufferEncoding | undefined, isEnd: boolean, send: (last: unknown) => void) {
    const hasBegun = res.headersSent;
    if (!hasBegun) askForHead();
    phase = isEnd ? 'ended' : 'written';
    if (isChunk(chunk)) body.add(chunk, encoding);
    // The handler may go on using its buffer: to it, the answer has been sent.
    const last = chunk instanceof Uint8Array ? Buffer.from(chunk) : chunk;
    const { statusCode, statusMessage } = res;
    const headers = res.getHeaders();
    const stopPretending = pretendSent(res, isEnd);
    const finish = (verdict: 'send' | 'taken') => {
      stopPretending();
      original.restore();
      if (verdict === 'taken') {
        // Half an answer cannot be taken back. A broken one makes the client ask again.
        if (hasBegun) return void res.destroy();
        setHeaders(res, before);
        return replace();
      }
      // Who ignored the pretence has changed a head that counted as sent.
      if (!hasBegun) Object.assign(setHeaders(res, headers), { statusCode, statusMessage });
      send(last);
      if (endArgs !== undefined) original.end(...endArgs);
    };
    // RFC 9112 §7.1.2: only chunks have trailers. With a length, or one that Node is about to find, they are not sent.
    const isChunked = !res.hasHeader('content-length') && (hasBegun || res.hasHeader('trailer'));
    const whole = { ...(head ?? readHead(res, before)), ...(isChunked && trailers.length > 0 && { trailers }) };
    onAnswer({ head: whole, body: body.bytes })
      .then(finish)
      // Neither step is meant to fail. The client must not wait for ever if one does.
      .catch((error: unknown) => res.destroy(error instanceof Error ? error : undefined));
  }

  const original = overrideMethods(res, {
    writeHead(...args) {
      const status = Number(args[0]);
      const isStatus = Number.isInteger(status) && status >= 100 && status <= 999;
      // Node says what is wrong with such a call, now and not when the answer has been stored.
      if (res.headersSent || !isStatus) return original.writeHead(...args);
      applyWriteHead(res, args);
      head = readHead(res, before);
      if (phase === 'open') original.writeHead(res.statusCode);
      return res;
    },
    write(...args) {
      if (phase !== 'open') return false;
      const { chunk, encoding, callback } = readWriteCall(args);
      if (!isChunk(chunk)) return original.write(...args);
      // RFC 9112 §6.3: with these bytes the client has it all, whether or not the handler has called `end`.
      if (body.lengthWith(chunk, encoding) >= Number(res.getHeader('content-length') ?? Infinity)) {
        hold(chunk, encoding, false, (last) => original.write(last, encoding, callback));
        return true;
      }
      const isFlowing = original.write(...args);
      body.add(chunk, encoding);
      return isFlowing;
    },
    end(...args) {
      if (phase === 'written') endArgs ??= args;
      if (phase !== 'open') return res;
      const { chunk, encoding, callback } = readWriteCall(args);
      const isEmpty = chunk === undefined || chunk === null;
      if (!isEmpty && !isChunk(chunk)) return original.end(...args);
      hold(chunk, encoding, true, (last) => original.end(last, encoding, callback));
      return res;
    },
    addTrailers(...args) {
      original.addTrailers(...args);
      trailers.push(...readTrailers(args[0]));
    },
  });
}

function isChunk(chunk: unknown): chunk is string | Uint8Array {
  return typeof chunk === 'string' || chunk instanceof Uint8Array;
}

/** Makes `headers` the only ones of a response that has not begun. */
function setHeaders(res: ServerResponse, headers: OutgoingHttpHeaders): ServerResponse {
  const present = res.getHeaders();
  for (const name of Object.keys(present)) if (!(name in headers)) res.removeHeader(name);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && present[name] !== value) res.setHeader(name, value);
  }
  return res;
}
