import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { checkOptions, type Resolved } from './check-options.js';
import { ServerOptionError } from './errors.js';
import { messageClasses } from './message-classes.js';
import { CREATE_SERVER_CHECKS, type CreateServerOptions } from './options.js';
import { keepUpgradesPlain } from './plain-upgrades.js';

/** How often Node looks for clients that are too slow: a tenth of the shortest time, within these. */
const CHECK_MS = { least: 100, most: 5_000 };

/**
 * Makes the server for an Express app, as `http.createServer(app)` does, or with `tls` as `https.createServer()` does:
 * up to Node 23 with requests and responses that carry the app's prototypes from the beginning, and with time-outs.
 *
 * @throws {ServerOptionError} for a listener that is no function and for a wrong option
 * @example createServer(app).listen(3000);
 */
export function createServer(
  app: RequestListener,
  options: CreateServerOptions & { readonly tls: object },
): HttpsServer;
export function createServer(
  app: RequestListener,
  options?: CreateServerOptions & { readonly tls?: undefined },
): Server;
export function createServer(app: RequestListener, options?: CreateServerOptions): Server | HttpsServer;
export function createServer(app: RequestListener, options: CreateServerOptions = {}): Server | HttpsServer {
  return serverOf(app, checkOptions(options, CREATE_SERVER_CHECKS));
}

/** {@link createServer} with options that are checked. */
export function serverOf(
  app: RequestListener,
  { tls, headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, nodeOptions }: Resolved<typeof CREATE_SERVER_CHECKS>,
): Server | HttpsServer {
  if (typeof app !== 'function') throw new ServerOptionError('app', 'an Express app or a request listener', typeof app);
  // Node's own rule, in our words.
  if (headersTimeoutMs > requestTimeoutMs) {
    throw new ServerOptionError(
      'headersTimeoutMs',
      `at most requestTimeoutMs (${requestTimeoutMs})`,
      String(headersTimeoutMs),
    );
  }
  const classes = messageClasses(app);
  const nodes = {
    connectionsCheckingInterval: Math.min(Math.max(headersTimeoutMs / 10, CHECK_MS.least), CHECK_MS.most),
    ...nodeOptions,
    ...classes,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
  };
  const server = tls === undefined ? createHttpServer(nodes, app) : createHttpsServer({ ...nodes, ...tls }, app);
  if (classes.IncomingMessage !== undefined) keepUpgradesPlain(server);
  return server;
}
