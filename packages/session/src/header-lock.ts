// While a response waits for its session to be saved, the handler believes that it has been sent, and must meet the same
// refusals as if it had: an error handler that replaced half of it would mix two responses.

import type { ServerResponse } from 'node:http';

/** A response that looks sent. */
export interface HeaderLock {
  /** From now on it looks ended, too. */
  markEnded(): void;
  /** Gives the response back as it was when it was locked. */
  unlock(): void;
}

const MUTATORS = ['setHeader', 'appendHeader', 'removeHeader', 'setHeaders'] as const;

export function lockHeaders(res: ServerResponse): HeaderLock {
  const { statusCode, statusMessage } = res;
  const own = new Map<string, PropertyDescriptor | undefined>();
  const replace = (name: string, descriptor: PropertyDescriptor) => {
    if (!own.has(name)) own.set(name, Object.getOwnPropertyDescriptor(res, name));
    Object.defineProperty(res, name, { ...descriptor, configurable: true });
  };
  replace('headersSent', { get: () => true });
  for (const name of MUTATORS) {
    replace(name, {
      value() {
        // The code and the words of Node, which error handlers know.
        const error = new Error('Cannot set headers after they are sent to the client');
        throw Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
      },
    });
  }
  return {
    markEnded: () => replace('writableEnded', { get: () => true }),
    unlock() {
      for (const [name, descriptor] of own) {
        Reflect.deleteProperty(res, name);
        if (descriptor !== undefined) Object.defineProperty(res, name, descriptor);
      }
      Object.assign(res, { statusCode, statusMessage });
    },
  };
}
