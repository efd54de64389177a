import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { checkOptions } from './check-options.js';
import { serverOf } from './create-server.js';
import { ListenError } from './errors.js';
import { shutdownOf, type Shutdown } from './graceful-shutdown.js';
import { LISTEN_CHECKS, type ListenOptions } from './options.js';

/** A server that listens, and its end. */
export interface Service extends Shutdown {
  readonly server: Server | HttpsServer;
  readonly port: number;
  /** `http://localhost:3000`: for people and tests, on this machine. */
  readonly url: string;
}

/**
 * Makes the server for an Express app, listens, and resolves when it accepts connections.
 *
 * @throws {ServerOptionError} for a wrong option, before anything is started
 * @returns a promise that rejects with a {@link ListenError} when the port is taken
 * @example const service = await listen(app, { port: 3000, signals: ['SIGTERM', 'SIGINT'] });
 */
export function listen(app: RequestListener, options: ListenOptions): Promise<Service> {
  const checked = checkOptions(options, LISTEN_CHECKS);
  const server = serverOf(app, checked);
  const shutdown = shutdownOf(server, checked);
  return start(server, shutdown, checked);
}

async function start(
  server: Server | HttpsServer,
  shutdown: ReturnType<typeof shutdownOf>,
  { port, host, tls }: { readonly port: number; readonly host: string | undefined; readonly tls: object | undefined },
): Promise<Service> {
  server.listen({ port, ...(host === undefined ? {} : { host }) });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new ListenError(`${host ?? ''}:${port}`, cause);
  }
  shutdown.begin();
  const address = server.address() as AddressInfo;
  const scheme = tls === undefined ? 'http' : 'https';
  return {
    server,
    port: address.port,
    url: `${scheme}://${host === undefined ? 'localhost' : nameOf(host)}:${address.port}`,
    get isClosing() {
      return shutdown.isClosing;
    },
    close: (reason) => shutdown.close(reason),
  };
}

/** An address as a URL writes it; that of all interfaces can be listened on and not called. */
function nameOf(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
