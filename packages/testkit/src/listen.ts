import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onFileEnd } from './cleanup.js';

/** A server that listens on a free port of 127.0.0.1. */
export interface Listening {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  readonly server: Server;
  /** Stops listening and cuts open connections. May be called twice. */
  readonly close: () => Promise<void>;
}

/** Serves an Express app or a plain handler over HTTP; closed when the test file ends. */
export async function listen(handler: RequestListener): Promise<Listening> {
  const server = createServer(handler);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  onFileEnd(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, close };
}
