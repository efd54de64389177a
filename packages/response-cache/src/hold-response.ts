// Holds a response back until something is done. Its head is complete, and stands as sent for whoever asks; the bytes leave
// when the wait is over, in the order in which they came. Who closes the connection meanwhile — Express does when a handler
// fails after its answer — would lose what seems to be sent, so that waits, too.

import type { ServerResponse } from 'node:http';
import { postponeDestroy } from './postpone-destroy.js';

type Loose = (...args: unknown[]) => unknown;
const METHODS = ['write', 'end', 'flushHeaders'] as const;

/**
 * Calls `begin` when the handler's head is complete, and lets no byte out before the promise that it gives has settled;
 * `undefined` lets them pass at once.
 *
 * @param begin must not throw, and its promise must not reject
 */
export function holdResponse(res: ServerResponse, begin: () => Promise<void> | undefined): void {
  const original = new Map(METHODS.map((name) => [name, Reflect.get(res, name) as Loose]));
  const held: (() => unknown)[] = [];
  let state: 'before' | 'holding' | 'passing' = 'before';

  let destroyNow: (() => void) | undefined;

  function release(): void {
    state = 'passing';
    for (const call of held.splice(0)) call();
    // Whoever was told to wait, since nothing was taken, may go on.
    if (!res.writableEnded) res.emit('drain');
    destroyNow?.();
  }

  function through(name: (typeof METHODS)[number], args: unknown[], result: unknown): unknown {
    const call = () => original.get(name)?.apply(res, args);
    if (state === 'before') {
      state = 'passing';
      if (!res.headersSent) {
        if (name === 'end') announceLength(res, args);
        res.writeHead(res.statusCode);
      }
      const done = begin();
      if (done !== undefined) {
        state = 'holding';
        destroyNow = res.socket === null ? undefined : postponeDestroy(res.socket);
        void done.then(release);
      }
    }
    if (state === 'passing') return call();
    held.push(call);
    return result;
  }

  Object.assign(res, {
    write: (...args: unknown[]) => through('write', args, false),
    end: (...args: unknown[]) => through('end', args, res),
    flushHeaders: (...args: unknown[]) => through('flushHeaders', args, undefined),
  });
}

/** Node does this for a body that comes with `end`, unless the head is written first. */
function announceLength(res: ServerResponse, [chunk, encoding]: readonly unknown[]): void {
  const { statusCode, req } = res;
  const hasNoBody = statusCode === 204 || statusCode === 304 || statusCode < 200 || req.method === 'HEAD';
  if (hasNoBody || res.hasHeader('content-length') || res.hasHeader('transfer-encoding')) return;
  if (typeof chunk === 'string') {
    res.setHeader(
      'Content-Length',
      Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'),
    );
  } else res.setHeader('Content-Length', chunk instanceof Uint8Array ? chunk.byteLength : 0);
}
