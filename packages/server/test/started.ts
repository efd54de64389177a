import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { onTestFinished } from './on-test-finished.js';

/** Listens on a free port of 127.0.0.1 and gives the URL; what is left of the server ends with the test. */
export async function started(server: Server, scheme: 'http' | 'https' = 'http'): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    if ('closeAllConnections' in server) (server.closeAllConnections as () => void)();
  });
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
