// Express changes the prototype of every request and response. Before V8 13 such an object loses the shape that its
// accesses were compiled for, and all code that touches it later, Node's own included, falls back to the slow way: that is
// most of what Express costs on Node 20 and 22. Objects that are born with the app's prototypes leave Express nothing to
// change. Where the guess is wrong (a mounted app, an app whose `request` was replaced), Express changes them as ever.

import { IncomingMessage, ServerResponse, type RequestListener } from 'node:http';

/** For the options of `http.createServer()` and `https.createServer()`. Empty where V8 has mended the cause. */
export interface MessageClasses {
  readonly IncomingMessage?: typeof IncomingMessage;
  readonly ServerResponse?: typeof ServerResponse;
}

/** The first V8 without the cost is in Node 24 (13.6); Node 23 (12.9) still has it. Measured: see the README. */
const isPrototypeChangeSlow = Number.parseInt(process.versions.v8, 10) < 13;

/** Gives classes of requests and responses that carry the prototypes of an Express app; nothing for other listeners. */
export function messageClasses(app: RequestListener, isSlow: boolean = isPrototypeChangeSlow): MessageClasses {
  const request: unknown = Reflect.get(app, 'request');
  const response: unknown = Reflect.get(app, 'response');
  if (!isSlow || !(request instanceof IncomingMessage) || !(response instanceof ServerResponse)) return {};
  return { IncomingMessage: carrying(request, IncomingMessage), ServerResponse: carrying(response, ServerResponse) };
}

/**
 * A constructor like `Base` whose instances have `prototype` itself, not a child of it. A `class` would have a prototype
 * of its own. It extends `Base`, because V8 reserves room for as many properties as the chain of constructors assigns:
 * with less, the object becomes a dictionary.
 */
function carrying<Base extends typeof IncomingMessage | typeof ServerResponse>(prototype: object, base: Base): Base {
  // Both are functions of the old kind, which may be called on an object that somebody else made.
  const initialize = base as unknown as (this: object, first: unknown, second: unknown) => void;
  const constructor = {
    [base.name]: function (this: object, first: unknown, second: unknown) {
      initialize.call(this, first, second);
    },
  }[base.name];
  return Object.assign(Object.setPrototypeOf(constructor, base) as Base, { prototype });
}
