// Asks the handler behind the client's back. The request is made anew, without a connection, and goes through the whole app
// from its root, so that it depends on no client: layers in front of the cache see it, and the cache, when it arrives there,
// takes it for one that must ask the handler. Its answer goes nowhere but into the store.

import type { Request } from 'express';
import { IncomingMessage, ServerResponse, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** A revalidation that takes longer is given up. */
const LIMIT_MS = 60_000;
/** What the client wanted for itself. */
const NOT_PASSED_ON =
  /^(?:if-.*|range|cache-control|pragma|connection|keep-alive|upgrade|expect|te|content-length|transfer-encoding)$/;

const revalidations = new WeakSet<IncomingMessage>();

/** Whether the request was made by the cache itself, to revalidate: rate limiters and counters of visits may skip it. */
export function isRevalidation(req: IncomingMessage): boolean {
  return revalidations.has(req);
}

/**
 * Gives a function that sends the request through the app once more; it resolves when that has been answered, and rejects
 * when it wasn't. What there is to know of the client's connection is noted at once: soon it may be closed.
 */
export function prepareRevalidation(req: Request): () => Promise<void> {
  const socket = nowhere(req.socket);
  const again = new IncomingMessage(socket);
  again.method = 'GET';
  again.url = req.originalUrl;
  again.httpVersion = '1.1';
  again.httpVersionMajor = 1;
  again.httpVersionMinor = 1;
  for (let index = 0; index < req.rawHeaders.length; index += 2) {
    const [name = '', value = ''] = req.rawHeaders.slice(index, index + 2);
    if (!NOT_PASSED_ON.test(name.toLowerCase())) again.rawHeaders.push(name, value);
  }
  for (const [name, value] of Object.entries(req.headers)) if (!NOT_PASSED_ON.test(name)) again.headers[name] = value;
  again.complete = true;
  again.push(null);
  revalidations.add(again);
  const res = new ServerResponse(again);
  res.assignSocket(socket);
  const root = rootOf(req);
  return () => run(root, again, res, socket);
}

function run(root: RequestListener, again: IncomingMessage, res: ServerResponse, socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(new Error('the handler took too long')), LIMIT_MS);
    timer.unref();
    let isOver = false;
    function end(error?: Error): void {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      res.detachSocket(socket);
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    }
    res.once('finish', () => end());
    socket.once('close', () => end(res.writableFinished ? undefined : new Error('the response was cut off')));
    try {
      root(again, res);
    } catch (error) {
      end(error instanceof Error ? error : new Error('the app threw', { cause: error }));
    }
  });
}

/** The outermost app: mounted ones know their parent. */
function rootOf(req: Request): RequestListener {
  let app = req.app as unknown as { parent?: unknown };
  while (typeof app.parent === 'function') app = app.parent as unknown as { parent?: unknown };
  return app as unknown as RequestListener;
}

/** A connection that takes everything and leads nowhere, with the addresses of the client's. */
function nowhere(from: Socket): Socket {
  const socket = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      done();
    },
  });
  const { remoteAddress, remotePort, remoteFamily, localAddress, localPort } = from;
  const encrypted: unknown = Reflect.get(from, 'encrypted');
  const known = { remoteAddress, remotePort, remoteFamily, localAddress, localPort, encrypted };
  const nothing = () => socket;
  return Object.assign(socket, known, {
    setTimeout: nothing,
    setNoDelay: nothing,
    setKeepAlive: nothing,
  }) as unknown as Socket;
}
