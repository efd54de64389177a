// The way of a request through the middleware:
//   1. choose the form of the cookie   2. watch the headers   3. express-session reads the session (one script)
//   4. a failed read obeys the policy  5. the response waits for its session to be saved

import { StoreUnavailableError } from '@sallyport/core';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import expressSession, { type Session } from 'express-session';
import { commitBeforeHeaders } from './commit-before-headers.js';
import { upkeepCookie } from './cookie-upkeep.js';
import { withOnlyCookie } from './cookie-view.js';
import type { CookieVariant } from './cookie.js';
import { SessionIdError } from './errors.js';
import { createGuessWatch } from './guess-watch.js';
import { createHijackWatch } from './hijack-watch.js';
import { ipPrefix } from './ip-prefix.js';
import type { StoreFailurePolicy } from './options.js';
import { answerFailure } from './refusal.js';
import { chooseCookie } from './request-cookie.js';
import { SallyportStore } from './sallyport-store.js';
import { createInsecureWarning, createResponseCommit, type CommitParts } from './session-commit.js';
import { createSessionId, isCustomId } from './session-id.js';
import { equip } from './session-methods.js';
import { adopt, newRequestState, stateOf, type RequestState } from './session-state.js';
import type { SessionChange } from './session-update.js';
import { watchSetCookie } from './set-cookie-watch.js';
import { readSignedCookie } from './signed-cookie.js';
import type { Snapshots } from './snapshots.js';

/** What the middleware works with. */
export interface MiddlewareParts extends Omit<CommitParts, 'warnInsecure'> {
  /** Filled by the middleware, read by log-in and log-out. */
  readonly states: WeakMap<object, RequestState>;
  readonly snapshots: Snapshots | undefined;
  readonly update: (session: Session, change: SessionChange) => Promise<void>;
}

export function createSessionMiddleware(parts: MiddlewareParts): RequestHandler {
  const { options, repository, events, states, update } = parts;
  const { secrets, absoluteMs, cookie, touch, genid } = options;
  const commitParts: CommitParts = { ...parts, warnInsecure: createInsecureWarning() };
  const [secret = ''] = secrets;
  const guessWatch = createGuessWatch();
  const watchHijack = createHijackWatch({ binding: options.binding, repository, events });

  /** express-session knows one cookie name per instance: there is one instance for either form of the cookie. */
  function createHandler(variant: CookieVariant) {
    const isPersistent = cookie.persistent;
    const store = new SallyportStore({
      ...parts,
      redis: options.redis,
      prefix: options.prefix,
      absoluteMs,
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
      if (request !== undefined) request.issuedId = undefined;
      adopt(req.session, { request, userId: undefined, isNew: true, endMs: Date.now() + absoluteMs });
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
    const seenCookie = readSignedCookie(req.headers.cookie, choice.variant.name, secrets);
    const state = newRequestState(res, choice, seenCookie);
    states.set(req, state);
    watchSetCookie(res, choice.variant, () => upkeepCookie(req, state, secret));
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
      } else if (error) {
        return next(error);
      } else {
        equip(req, { store, update });
      }
      // express-session stays out of paths that the cookie is not for.
      if (!req.session) return next();
      state.isCookieDead =
        seenCookie.verdict === 'valid' && !state.isStoreDown && stateOf(req.session)?.isNew !== false;
      reportCookie(req, state);
      commitBeforeHeaders(res, createResponseCommit(req, state, commitParts));
      const watching = watchHijack(req, state);
      if (watching === undefined) return next();
      void goOnAfter(watching, req, res, next);
    }

    const reader = {
      state,
      isTouching: touch?.(req) !== false,
      mayShowSnapshot: () => policyOf(req, options.onStoreFailure) === 'readonly',
    };
    withOnlyCookie(req, seenCookie.pair, () => store.readFor(reader, () => handler(req, res, proceed)));
  };

  function reportCookie(req: Request, { seenCookie: { verdict }, isCookieDead }: RequestState): void {
    if (!events.isActive || verdict === 'none') return;
    if (verdict === 'ambiguous') return events.emit({ type: 'ambiguous-cookie' });
    if (verdict === 'valid' && !isCookieDead) return;
    const network = ipPrefix(req.ip);
    const count = guessWatch.note(network);
    if (count !== undefined) events.emit({ type: 'guessing', ipPrefix: network, count });
  }
}

/** Lets the request go on, or answers it when what it waits for has failed. */
async function goOnAfter(waiting: Promise<void>, req: Request, res: Response, next: NextFunction): Promise<void> {
  try {
    await waiting;
  } catch (error) {
    return answerFailure(req, res, error);
  }
  next();
}

function policyOf(req: Request, policy: StoreFailurePolicy | ((req: Request) => StoreFailurePolicy)) {
  return typeof policy === 'function' ? policy(req) : policy;
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
