// The way of a request through the middleware:
//   1. choose the form of the cookie   2. watch the headers   3. express-session reads the session (one script)
//   4. a failed read obeys the policy  5. the response waits for its session to be saved

import { messageOf, StoreUnavailableError } from '@sallyport/core';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import expressSession, { type Session } from 'express-session';
import { createCookieWatch } from './cookie-watch.js';
import { withOnlyCookie } from './cookie-view.js';
import { commitBeforeHeaders } from './commit-before-headers.js';
import type { CookieVariant } from './cookie.js';
import { SessionIdError, SessionUnreadableError } from './errors.js';
import { createHijackWatch } from './hijack-watch.js';
import { createMigration } from './migration.js';
import type { ResolvedOptions, StoreFailurePolicy } from './options.js';
import { answerFailure } from './refusal.js';
import { chooseCookie } from './request-cookie.js';
import { SallyportStore } from './sallyport-store.js';
import { createInsecureWarning, createResponseCommit, type CommitParts } from './session-commit.js';
import { createSessionId, isCustomId } from './session-id.js';
import { equip } from './session-methods.js';
import { adopt, newRequestState, stateOf, type RequestState } from './session-state.js';
import type { SessionChange } from './session-update.js';
import { readSignedCookie } from './signed-cookie.js';
import { watchSetCookie } from './set-cookie-watch.js';
import type { Snapshots } from './snapshots.js';

/** What the middleware works with. */
export interface MiddlewareParts extends Omit<CommitParts, 'warnInsecure'> {
  /** Filled by the middleware, read by log-in and log-out. */
  readonly states: WeakMap<object, RequestState>;
  readonly snapshots: Snapshots | undefined;
  readonly update: (session: Session, change: SessionChange) => Promise<void>;
}

export function createSessionMiddleware(parts: MiddlewareParts): RequestHandler {
  const { options, states, update } = parts;
  const { secrets, absoluteMs, cookie, touch, genid } = options;
  const commitParts: CommitParts = { ...parts, warnInsecure: createInsecureWarning() };
  const [secret = ''] = secrets;
  const watchHijack = createHijackWatch({ ...parts, binding: options.binding });
  const watchCookies = createCookieWatch(parts.events);
  const migration = options.migrateFrom && createMigration({ ...parts, migrateFrom: options.migrateFrom });

  /** express-session knows one cookie name per instance: there is one instance for either form of the cookie. */
  function createHandler(variant: CookieVariant) {
    const isPersistent = cookie.persistent;
    const store = new SallyportStore({
      ...parts,
      redis: options.redis,
      prefix: options.prefix,
      maxBytes: options.maxBytes,
      hasCustomIds: genid !== undefined,
      cookie: variant,
      isPersistent,
      requestState: (req) => states.get(req),
    });
    const handler = expressSession({
      store,
      secret: [...secrets],
      name: variant.name,
      cookie: { ...variant.attributes, ...(isPersistent ? { maxAge: absoluteMs } : {}) },
      genid: (req) => takeNextId(req, states.get(req), genid),
      rolling: options.rolling,
      saveUninitialized: options.saveUninitialized,
      // What has to be written is written before the headers; express-session would come after them.
      resave: false,
    });
    // express-session puts this function on its store, and calls it for each new session.
    const generating = store as SallyportStore & { generate: (req: Request) => void };
    const generate = generating.generate.bind(store);
    generating.generate = (req) => {
      generate(req);
      const request = states.get(req);
      // An id that this request was about to be told is no longer one.
      if (request !== undefined) request.issuedId = undefined;
      adopt(req.session, { request, userId: undefined, isNew: true });
      if (request?.isReady === true) equip(req, { store, update });
    };
    return { handler, store: generating };
  }
  const instances = new Map([cookie.whenSecure, cookie.whenPlain].map((variant) => [variant, createHandler(variant)]));

  return function session(req: Request, res: Response, next: NextFunction): void {
    // Mounted twice, or behind another session middleware: the first one holds.
    if (states.has(req) || Reflect.has(req, 'session')) return next();
    const choice = chooseCookie(cookie, req);
    const instance = instances.get(choice.variant);
    if (instance === undefined) return next();
    const { handler, store } = instance;
    const { name } = choice.variant;
    const seenCookie = readSignedCookie(req.headers.cookie, name, secrets);
    const state = newRequestState(res, choice, seenCookie, touch?.(req) !== false);
    states.set(req, state);
    watchSetCookie(req, state, secret, absoluteMs);
    const startedAt = performance.now();

    function proceed(error?: unknown): void {
      // express-session also reports errors of a response that has been sent, for which there is nobody left.
      if (state.isReady) return;
      state.isReady = true;
      state.waitedMs = performance.now() - startedAt;
      if (error instanceof StoreUnavailableError) {
        if (policyOf(req, options.onStoreFailure) !== 'anonymous') return answerFailure(req, res, error);
        state.isStoreDown = true;
        store.generate(req);
      } else if (error instanceof SessionUnreadableError) {
        store.generate(req);
        equip(req, { store, update });
      } else if (error) {
        return next(error);
      } else {
        equip(req, { store, update });
      }
      if (!req.session) return next();
      commitBeforeHeaders(res, createResponseCommit(req, state, commitParts));
      state.isCookieDead = error === undefined && isDead(req, state);
      watchCookies(req, state);
      const watching = watchHijack(req, state);
      if (watching === undefined) next();
      else void goOnAfter(watching, next, refuseHijacked);
    }

    /** The session should have ended and has not: whoever asked gets nothing of it, no renewed id either. */
    function refuseHijacked(failure: unknown): void {
      state.isStoreDown = true;
      answerFailure(req, res, failure);
    }

    /** Without the old session the request is anonymous, where that is the policy, and can save nothing. */
    function goOnWithout(failure: unknown): void {
      const isOutage = failure instanceof StoreUnavailableError;
      if (!isOutage || policyOf(req, options.onStoreFailure) !== 'anonymous') return proceed(failure);
      state.isStoreDown = true;
      read();
    }

    const reader = {
      state,
      mayShowSnapshot: () => policyOf(req, options.onStoreFailure) === 'readonly',
    };
    const read = () =>
      store.readFor(reader, () => withOnlyCookie(req, state.seenCookie.pair, () => handler(req, res, proceed)));
    const taking = migration?.takeFor(req, state);
    if (taking === undefined) read();
    else void goOnAfter(taking, read, goOnWithout);
  };
}

/** Whether the cookie is ours and names a session that is not there any more. */
function isDead(req: Request, { seenCookie, isStoreDown }: RequestState): boolean {
  return seenCookie.verdict === 'valid' && !isStoreDown && stateOf(req.session)?.isNew !== false;
}

/** Waits, and goes on by the outcome. */
async function goOnAfter(waiting: Promise<void>, proceed: () => void, fail: (error: unknown) => void): Promise<void> {
  try {
    await waiting;
  } catch (error) {
    return fail(error);
  }
  proceed();
}

function policyOf(req: Request, policy: ResolvedOptions['onStoreFailure']): StoreFailurePolicy {
  if (typeof policy !== 'function') return policy;
  try {
    const chosen = policy(req);
    return chosen === 'anonymous' || chosen === 'readonly' ? chosen : 'closed';
  } catch (error) {
    // The application's own function: whatever it throws, the strict policy is the safe one.
    process.emitWarning(`onStoreFailure of session: ${messageOf(error)}`, 'SallyportWarning');
    return 'closed';
  }
}

/** @throws {SessionIdError} when the application's ids are too weak */
function takeNextId(req: Request, state: RequestState | undefined, genid: ((req: Request) => string) | undefined) {
  const id = state?.nextId ?? newSessionId(req, undefined, genid);
  if (state !== undefined) state.nextId = undefined;
  return id;
}

/** Gives a new id, in `bucket` when the session will belong to a user; of the application's making where it makes them. */
export function newSessionId(
  req: Request,
  bucket: string | undefined,
  genid: ((req: Request) => string) | undefined,
): string {
  const custom: unknown = genid?.(req);
  if (genid !== undefined && !isCustomId(custom)) {
    throw new SessionIdError('an id that is not 22 to 128 characters of A-Z, a-z, 0-9, _, . and -');
  }
  return createSessionId(bucket, custom as string | undefined);
}
