// What the package adds to Express' types. `@types/express-session` declares `req.session`; this adds our one property.

import type { Session, SessionData } from 'express-session';

declare module 'express-session' {
  interface SessionData {
    /** The user that `logIn()` was called with; `undefined` in an anonymous session. Set by `logIn()` only. */
    readonly userId?: string;
  }
}

/** `req.session` with the application's own properties, each of which may be absent. */
export type SessionOf<Data extends object> = Session & Partial<Data> & Pick<SessionData, 'userId' | 'cookie'>;
