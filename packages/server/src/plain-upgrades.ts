import { IncomingMessage } from 'node:http';
import type { Server } from 'node:net';

/** What comes with a request that never reaches the app. */
const WITHOUT_APP = new Set<string | symbol>(['upgrade', 'connect', 'dropRequest']);

/**
 * Gives the listeners of `upgrade` and `connect` a plain request, as they know it. Express' own has a getter `query`
 * without a setter, for example, so that a WebSocket library that sets `req.query` would throw.
 */
export function keepUpgradesPlain(server: Server): void {
  // Looked up at each event: a tracer may put its own there later.
  const inherited = Object.getPrototypeOf(server) as { emit(event: string | symbol, ...args: unknown[]): boolean };
  // On the instance: listening to the events instead would make Node take every server for one that upgrades.
  server.emit = (event: string | symbol, ...args: unknown[]) => {
    if (WITHOUT_APP.has(event)) Object.setPrototypeOf(args[0], IncomingMessage.prototype);
    return inherited.emit.call(server, event, ...args);
  };
}
