// What the package adds to Express' types. `@types/express-session` declares `req.session`; this adds our one property.

import type { Session, SessionData } from 'express-session';

declare module 'express-session' {
  interface Session {
    /**
     * Changes the session by what it holds now: `change` gets its properties and changes them. Called again when somebody
     * else wrote meanwhile, so it has to be without side effects. Resolves when the change is stored.
     */
    update(change: (draft: Record<string, unknown>) => unknown): Promise<void>;
    /** The same for one property: `update('count', (count = 0) => count + 1)`. */
    update<Value>(property: string, change: (value: Value | undefined) => Value | undefined): Promise<void>;
    /** As with a callback; without one, resolves when it is done. */
    save(): Promise<void>;
    reload(): Promise<void>;
    destroy(): Promise<void>;
    regenerate(): Promise<void>;
  }
  interface SessionData {
    /** The user that `logIn()` was called with; `undefined` in an anonymous session. Set by `logIn()` only. */
    readonly userId?: string;
  }
}

/** `update()` of a session whose properties are known. */
interface TypedUpdate<Data extends object> {
  /** Changes the session by what it holds now; `change` may be called more than once. */
  update(change: (draft: Partial<Data>) => unknown): Promise<void>;
  /** The same for one property. */
  update<Name extends keyof Data & string>(
    property: Name,
    change: (value: Data[Name] | undefined) => Data[Name] | undefined,
  ): Promise<void>;
}

/** `req.session` with the application's own properties, each of which may be absent. */
export type SessionOf<Data extends object> = Omit<Session, 'update'> &
  TypedUpdate<Data> &
  Partial<Data> &
  Pick<SessionData, 'userId' | 'cookie'>;
