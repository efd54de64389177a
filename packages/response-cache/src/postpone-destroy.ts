// Puts off the end of a connection. While a response is held back, `destroy` waits, for as long as holding may last; what was
// asked meanwhile is done afterwards. A connection may carry several such responses one after another (pipelining).

import type { Socket } from 'node:net';

interface Postponed {
  holders: number;
  /** Arguments of the first call. */
  asked: Parameters<Socket['destroy']> | undefined;
}

const postponed = new WeakMap<Socket, Postponed>();

/** Gives the function that lets `destroy` pass again; what counts is the last one. */
export function postponeDestroy(socket: Socket): () => void {
  const known = postponed.get(socket);
  const state = known ?? { holders: 0, asked: undefined };
  state.holders += 1;
  if (known === undefined) {
    postponed.set(socket, state);
    socket.destroy = function destroyLater(...args) {
      state.asked ??= args;
      return socket;
    };
  }
  return () => {
    state.holders -= 1;
    if (state.holders > 0) return;
    postponed.delete(socket);
    // The one of the class shows again.
    Reflect.deleteProperty(socket, 'destroy');
    if (state.asked !== undefined) socket.destroy(...state.asked);
  };
}
