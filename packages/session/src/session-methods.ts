// The methods of `req.session`: those of express-session, each with a callback as documented or giving a promise, and
// `update()`.

import type { Request } from 'express';
import type { Session } from 'express-session';
import type { SallyportStore } from './sallyport-store.js';
import type { SessionChange } from './session-update.js';

type Callback = (error?: unknown) => unknown;

/** What the methods need. */
export interface MethodParts {
  readonly store: SallyportStore;
  readonly update: (session: Session, change: SessionChange) => Promise<void>;
}

/** Gives a session object its methods; called whenever a request gets a session, after express-session is done with it. */
export function equip(req: Request, { store, update }: MethodParts): void {
  const session = req.session as Session | undefined;
  // express-session stays out of paths that the cookie is not for.
  if (!session) return;
  // express-session's own save(), which notes that it was called, takes a callback only.
  const save = session.save.bind(session);
  define('save', () => new Promise((resolve, reject) => save((error) => (error ? reject(error as Error) : resolve()))));
  define('reload', () => store.reload(req).then(() => equip(req, { store, update })));
  define('destroy', () => {
    Reflect.deleteProperty(req, 'session');
    return store.destroyFor(req, session, false);
  });
  define('regenerate', () => store.destroyFor(req, session, true));

  Object.defineProperty(session, 'update', {
    configurable: true,
    enumerable: false,
    writable: true,
    value: (...args: [SessionChange] | [string, (value: unknown) => unknown]) => update(session, changeOf(args)),
  });

  /** With a callback it gives the session, as express-session's does; without one, a promise. */
  function define(name: string, act: () => Promise<void>): void {
    Object.defineProperty(session, name, {
      configurable: true,
      enumerable: false,
      writable: true,
      value(callback?: Callback) {
        const outcome = act();
        if (callback === undefined) {
          // Whoever does not wait does not want to know: nothing may crash for it.
          outcome.catch(() => undefined);
          return outcome;
        }
        void tell(outcome, callback);
        return session;
      },
    });
  }
}

/** A callback that throws is not called a second time with its own error. */
async function tell(outcome: Promise<void>, callback: Callback): Promise<void> {
  let failure: unknown = null;
  try {
    await outcome;
  } catch (error) {
    failure = error;
  }
  callback(failure);
}

/** `update('count', (count = 0) => count + 1)` is short for the change of one property. */
function changeOf(args: [SessionChange] | [string, (value: unknown) => unknown]): SessionChange {
  const [first, compute] = args;
  if (typeof first === 'function') return first;
  if (typeof first !== 'string' || typeof compute !== 'function') {
    throw new TypeError('update() takes a function, or the name of a property and a function');
  }
  return async (draft) => {
    const value = await compute(draft[first]);
    if (value === undefined) Reflect.deleteProperty(draft, first);
    else draft[first] = value;
  };
}
