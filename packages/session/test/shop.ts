import { createSessions, type SessionEvent, type Sessions, type SessionsOptions } from '@sallyport/session';
import { connect, listen, uniquePrefix, type Express } from '@sallyport/testkit';
import express, { type Application } from 'express';
import type { Redis } from 'ioredis';
import request from 'supertest';

/** What the shop of the tests keeps in a session. */
export interface ShopData {
  cart: string[];
  theme: string;
  [name: string]: unknown;
}

export const secret = 'a test secret of more than thirty-two bytes';

export interface ShopOptions extends Partial<Omit<SessionsOptions, 'redis'>> {
  /** @default a client on the worker's database */
  readonly redis?: Redis;
  readonly express?: Express;
  /** Adds what a test needs besides the usual routes. */
  readonly routes?: (app: Application, sessions: Sessions<ShopData>) => void;
  /** Runs before the session middleware. */
  readonly before?: (app: Application) => void;
}

/** A small application behind `createSessions()`, listening on a port of its own. */
export async function openShop({
  express: version = express,
  redis = connect(),
  routes,
  before,
  ...options
}: ShopOptions = {}) {
  const events: SessionEvent[] = [];
  const prefix = options.prefix ?? uniquePrefix('session');
  const sessions = createSessions<ShopData>({
    secrets: [secret],
    idleMs: 600_000,
    // A busy machine is no outage; tests of outages set a deadline of their own.
    deadlineMs: 5_000,
    onEvent: (event) => events.push(event),
    ...options,
    redis,
    prefix,
  });
  const app = version();
  before?.(app);
  app.use(sessions.middleware);
  app.get('/', (req, res) => {
    res.json({ userId: req.session.userId ?? null, data: Object.fromEntries(dataOf(req.session)) });
  });
  app.post('/set/:name/:value', (req, res) => {
    sessions.of(req)[req.params.name] = req.params.value;
    res.json({ ok: true });
  });
  app.post('/log-in/:user', (req, res, next) => {
    const { keep } = req.query;
    sessions
      .logIn(req, req.params.user, { keep: typeof keep === 'string' ? keep.split(',') : [] })
      .then(() => res.json({ ok: true }), next);
  });
  app.post('/log-out', (req, res, next) => {
    sessions.logOut(req).then(() => res.json({ ok: true }), next);
  });
  app.get('/devices', (req, res, next) => {
    sessions.list(req.session.userId ?? '', req).then((devices) => res.json(devices), next);
  });
  app.post('/revoke-others', (req, res, next) => {
    sessions.revokeOthers(req).then((count) => res.json({ count }), next);
  });
  routes?.(app, sessions);
  app.use(((error, _req, res, _next) => {
    res.status(error.status ?? 500).json({ code: error.code, message: error.message });
  }) as express.ErrorRequestHandler);
  const { url } = await listen(app);
  return { url, app, sessions, events, redis, prefix, browser: () => request.agent(url), visit: request(url) };
}

function dataOf(session: object) {
  return Object.entries(session).filter(([name]) => name !== 'cookie');
}

/** The `Set-Cookie` lines of a response. */
export function cookiesOf(response: request.Response): string[] {
  return (response.headers['set-cookie'] ?? []) as unknown as string[];
}

/** The `name=value` of the session cookie that a response sets. */
export function sessionCookie(response: request.Response): string {
  return /^(?:__Host-)?sid=[^;]+/.exec(cookiesOf(response)[0] ?? '')?.[0] ?? '';
}

/** The session id inside of a cookie, without its signature. */
export function idOf(cookie: string): string {
  return decodeURIComponent(/sid=s%3A([\w~%-]+)\./.exec(cookie)?.[1] ?? '');
}
