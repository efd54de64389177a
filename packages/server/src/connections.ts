// The connections of a server and the response that each is waiting for: all that an orderly end needs to know. Node's own
// `close()` is not used for that. It destroys a connection whose response was ended but is not written out yet, so that a
// slow client gets half an answer, and it waits for connections on which no request ever came.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

/** The last response that is not written out; without one, whether there ever was a request. */
type State = ServerResponse | 'new' | 'idle';

export class Connections {
  readonly #sockets = new Map<Socket, State>();
  /** Sockets on which TLS has not been agreed, by the client's address: the encrypted connection is another object. */
  readonly #handshakes = new Map<string, Socket>();
  #isClosing = false;
  /** From here on a connection is closed as soon as it is idle. */
  #isLeaving = false;

  constructor(server: Server) {
    if (server instanceof TlsServer) {
      server.on('connection', (socket: Socket) => {
        const address = addressOf(socket);
        this.#handshakes.set(address, socket);
        socket.once('close', () => this.#handshakes.delete(address));
      });
      server.on('secureConnection', (socket: Socket) => {
        this.#handshakes.delete(addressOf(socket));
        this.#add(socket);
      });
    } else {
      server.on('connection', (socket: Socket) => this.#add(socket));
    }
    server.prependListener('request', (req: IncomingMessage, res: ServerResponse) => this.#begin(req.socket, res));
    const { sockets, endOf } = { sockets: this.#sockets, endOf: (socket: Socket) => this.#end(socket) };
    this.#onResponseClose = function () {
      const { socket } = this.req;
      // A pipelined request has taken its place.
      if (sockets.get(socket) === this) endOf(socket);
    };
  }

  /** One function for all responses, so that a request costs no closure. */
  readonly #onResponseClose: (this: ServerResponse) => void;

  /** From now on every answer says `Connection: close`, also those that are being made. */
  sayClose(): void {
    this.#isClosing = true;
    for (const state of this.#sockets.values()) if (typeof state === 'object') state.shouldKeepAlive = false;
  }

  /** Closes what is idle at once, and the rest when it has its answer. What has no request after `patienceMs` is cut. */
  leave(patienceMs: number): void {
    this.#isLeaving = true;
    for (const [socket, state] of this.#sockets) {
      if (state === 'idle') socket.destroySoon();
      // Nothing was ever sent: a browser's spare connection. Where bytes have come, a request may be under way.
      if (state === 'new' && socket.bytesRead === 0) socket.destroy();
    }
    const cut = () => {
      for (const socket of this.#handshakes.values()) socket.destroy();
      for (const [socket, state] of this.#sockets) if (state === 'new') socket.destroy();
    };
    setTimeout(cut, patienceMs).unref();
  }

  /** Ends all of them. @returns how many were being answered */
  destroy(): number {
    const busy = [...this.#sockets.values()].filter((state) => typeof state === 'object').length;
    for (const socket of [...this.#handshakes.values(), ...this.#sockets.keys()]) socket.destroy();
    return busy;
  }

  #add(socket: Socket): void {
    this.#sockets.set(socket, 'new');
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #begin(socket: Socket, response: ServerResponse): void {
    if (this.#isClosing) {
      const previous = this.#sockets.get(socket);
      // A pipelined request came in time: the answer before it must not end the connection (RFC 9112 §9.3.2).
      if (typeof previous === 'object') previous.shouldKeepAlive = true;
      response.shouldKeepAlive = false;
    }
    this.#sockets.set(socket, response);
    response.on('close', this.#onResponseClose);
  }

  #end(socket: Socket): void {
    this.#sockets.set(socket, 'idle');
    if (this.#isLeaving) socket.destroySoon();
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
