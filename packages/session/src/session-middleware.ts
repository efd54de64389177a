// The way of a request through the middleware:
//   1. choose the form of the cookie   2. watch the headers   3. express-session reads the session (one script)
//   4. a failed read obeys the policy  5. the response waits for its session to be saved

import { StoreUnavailableError, type EventSink } from '@sallyport/core';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import expressSession from 'express-session';
import { commitBeforeHeaders } from './commit-before-headers.js';
import type { CookieVariant } from './cookie.js';
import type { SessionEvent } from './events.js';
import type { ResolvedOptions } from './options.js';
import { withOnlyCookie } from './cookie-view.js';
import { upkeepCookie } from './cookie-upkeep.js';
import { createGuessWatch } from './guess-watch.js';
import { createHijackWatch } from './hijack-watch.js';
import { ipPrefix } from './ip-prefix.js';
import { chooseCookie } from './request-cookie.js';
import { readSignedCookie } from './signed-cookie.js';
import { SallyportStore } from './sallyport-store.js';
import { answerFailure, createInsecureWarning, createResponseCommit } from './session-commit.js';
import { createSessionId } from './session-id.js';
import type { SessionRepository } from './session-repository.js';
import { adopt, stateOf, type RequestState } from './session-state.js';
import { watchSetCookie } from './set-cookie-watch.js';

/** What the middleware works with. */
export interface MiddlewareParts {
  readonly options: ResolvedOptions;
  readonly repository: SessionRepository;
  readonly events: EventSink<SessionEvent>;
  /** Filled by the middleware, read by log-in and log-out. */
  readonly states: WeakMap<object, RequestState>;
}

export function createSessionMiddleware({ options, repository, events, states }: MiddlewareParts): RequestHandler {
  const { redis, prefix, secrets, absoluteMs, cookie, binding, maxBytes, onStoreFailure } = options;
  const requestState = (req: object) => states.get(req);
  const warnInsecure = createInsecureWarning();
  const guessWatch = createGuessWatch();
  const watchHijack = createHijackWatch({ binding, repository, events });

  /** express-session knows one cookie name per instance: there is one instance for either form of the cookie. */
  function createHandler(variant: CookieVariant): RequestHandler {
    const isPersistent = cookie.persistent;
    const store = new SallyportStore({
      redis,
      prefix,
      repository,
      events,
      cookie: variant,
      isPersistent,
      absoluteMs,
      maxBytes,
      requestState,
    });
    const handler = expressSession({
      store,
      secret: [...secrets],
      name: variant.name,
      cookie: { ...variant.attributes, ...(isPersistent ? { maxAge: absoluteMs } : {}) },
      genid: (req) => takeNextId(states.get(req)),
      resave: false,
      saveUninitialized: false,
    });
    // express-session puts this function on its store, and calls it for each new session.
    const generating = store as SallyportStore & { generate: (req: Request) => void };
    const generate = generating.generate.bind(store);
    generating.generate = (req) => {
      generate(req);
      adopt(req.session, {
        request: states.get(req),
        userId: undefined,
        isNew: true,
        stored: new Map(),
        endMs: Date.now() + absoluteMs,
      });
    };
    return handler;
  }
  const handlers = new Map([cookie.whenSecure, cookie.whenPlain].map((variant) => [variant, createHandler(variant)]));

  return function session(req: Request, res: Response, next: NextFunction): void {
    // Mounted twice, or behind another session middleware: the first one holds.
    if (states.has(req) || Reflect.has(req, 'session')) return next();
    const choice = chooseCookie(cookie, req);
    const seenCookie = readSignedCookie(req.headers.cookie, choice.variant.name, secrets);
    const state: RequestState = {
      res,
      cookie: choice,
      seenCookie,
      isStoreDown: false,
      hasEnded: false,
      isCookieDead: false,
      nextId: undefined,
    };
    states.set(req, state);
    watchSetCookie(res, choice.variant, () => upkeepCookie(req, state, secrets[0] ?? ''));
    let isCalled = false;
    const handler = handlers.get(choice.variant);
    const proceed = (error?: unknown): void => {
      // express-session also reports errors of a response that has been sent, for which there is nobody left.
      if (isCalled) return;
      isCalled = true;
      if (error instanceof StoreUnavailableError) {
        if (onStoreFailure === 'closed') return answerFailure(req, res, error);
        state.isStoreDown = true;
        req.sessionStore.generate(req);
      } else if (error) {
        return next(error);
      }
      // express-session stays out of paths that the cookie is not for.
      if (!req.session) return next();
      state.isCookieDead =
        seenCookie.verdict === 'valid' && !state.isStoreDown && stateOf(req.session)?.isNew !== false;
      reportCookie(req, state);
      commitBeforeHeaders(res, createResponseCommit(req, state, events, warnInsecure));
      const watching = watchHijack(req, state);
      if (watching === undefined) return next();
      void goOnAfter(watching, req, res, next);
    };
    withOnlyCookie(req, seenCookie.pair, () => handler?.(req, res, proceed));
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

function takeNextId(state: RequestState | undefined): string {
  const id = state?.nextId ?? createSessionId();
  if (state !== undefined) state.nextId = undefined;
  return id;
}
