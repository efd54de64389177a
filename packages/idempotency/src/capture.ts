// Reads an answer while it is being sent, at the level of `writeHead`, `write` and `end`, so that it does not matter how
// the handler sends it. Bytes pass through as they come, with their backpressure; only the last call, `end`, is held until
// the answer has been stored. So a client that has the whole answer can rely on it.
//
//   open ──end()──► held ──stored, or the store did not answer──► over

import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { readHead, type AnswerHead } from './answer-head.js';
import { BodyBuffer } from './body-buffer.js';
import { applyWriteHead, overrideMethods, pretendEnded, readWriteCall } from './response-override.js';

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

/** Watches the response until it is ended. */
export function captureAnswer(res: ServerResponse, { maxBodyBytes, onAnswer, replace }: CaptureOptions): void {
  const before = res.getHeaders();
  const body = new BodyBuffer(maxBodyBytes);
  let head: AnswerHead | undefined;
  let phase: 'open' | 'ending' | 'held' = 'open';

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
      const isFlowing = original.write(...args);
      const { chunk, encoding } = readWriteCall(args);
      if (isChunk(chunk)) body.add(chunk, encoding);
      return isFlowing;
    },
    end(...args) {
      if (phase !== 'open') return res;
      const { chunk, encoding, callback } = readWriteCall(args);
      const isEmpty = chunk === undefined || chunk === null;
      if (!isEmpty && !isChunk(chunk)) return original.end(...args);
      const hasBegun = res.headersSent;
      if (!hasBegun) askForHead();
      phase = 'held';
      if (!isEmpty) body.add(chunk, encoding);
      // The handler may go on using its buffer: to it, the answer has been sent.
      const last = chunk instanceof Uint8Array ? Buffer.from(chunk) : chunk;
      const { statusCode, statusMessage } = res;
      const headers = res.getHeaders();
      const stopPretending = pretendEnded(res);
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
        original.end(last, encoding, callback);
      };
      onAnswer({ head: head ?? readHead(res, before), body: body.bytes })
        .then(finish)
        // Neither step is meant to fail. The client must not wait for ever if one does.
        .catch((error: unknown) => res.destroy(error instanceof Error ? error : undefined));
      return res;
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
