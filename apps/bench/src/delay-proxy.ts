import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A Redis that is some distance away. */
export interface DelayProxy {
  readonly url: string;
  /** From now on every reply arrives this much later. */
  setDelay(ms: number): void;
  close(): Promise<void>;
}

/** Puts a proxy in front of the server on `port`. Commands pass at once, replies after the delay, in their order. */
export async function startDelayProxy(port: number): Promise<DelayProxy> {
  let delayMs = 0;
  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    // A side that is gone takes the other with it, below.
    socket.setNoDelay(true).on('error', () => undefined);
    return socket;
  };
  const server = createServer((client) => {
    const target = track(connect(port, '127.0.0.1'));
    track(client).on('data', (bytes) => target.write(bytes));
    target.on('data', (bytes) => {
      if (delayMs === 0) client.write(bytes);
      else setTimeout(() => client.write(bytes), delayMs);
    });
    client.on('close', () => target.destroy());
    target.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    setDelay: (ms) => void (delayMs = ms),
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
