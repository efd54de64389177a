// The shop of the tests behind express-session and connect-redis alone, set up and used as their READMEs say: what they
// offer is used to the full (regenerate at log-in, destroy at log-out), what they don't is a Lacks error.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, listen, uniquePrefix } from '@sallyport/testkit';
import { RedisStore } from 'connect-redis';
import express, { type Request } from 'express';
import expressSession, { type CookieOptions } from 'express-session';
import request from 'supertest';
import { secret, type ShopOptions } from '../shop.js';
import { Lacks, type Shop, type Subject } from './line.js';

const NAME = 'express-session with connect-redis';
const KNOWN_OPTIONS = new Set([
  'express',
  'redis',
  'routes',
  'before',
  'prefix',
  'secrets',
  'idleMs',
  'cookie',
  'genid',
]);

/** An object that has nothing: any use of it says what is lacking. */
function nothing(feature: string): never {
  return new Proxy(() => undefined, {
    get: (_target, name) => {
      throw new Lacks(NAME, `${feature} (${String(name)})`);
    },
    apply: () => {
      throw new Lacks(NAME, feature);
    },
  }) as never;
}

/** What the application has to write itself, with callbacks turned into promises. */
function createVerbs() {
  const settle = (act: (done: (error: unknown) => void) => void) =>
    new Promise<void>((resolve, reject) => act((error) => (error ? reject(error) : resolve())));
  const verbs = {
    of: (req: Request) => req.session,
    async logIn(req: Request, userId: string, { keep = [] }: { keep?: readonly string[] } = {}) {
      const kept = Object.fromEntries(Object.entries(req.session).filter(([name]) => keep.includes(name)));
      await settle((done) => req.session.regenerate(done));
      Object.assign(req.session, kept, { userId });
      await settle((done) => req.session.save(done));
    },
    logOut: (req: Request) => settle((done) => req.session.destroy(done)),
  };
  return new Proxy(verbs, {
    get: (target, name) => Reflect.get(target, name) ?? nothing(`sessions.${String(name)}`),
  }) as unknown as Shop['sessions'];
}

async function open(options: ShopOptions & { genid?: () => string } = {}): Promise<Shop> {
  for (const name of Object.keys(options)) if (!KNOWN_OPTIONS.has(name)) throw new Lacks(NAME, `option ${name}`);
  const { redis = connect(), secrets = [secret], idleMs = 600_000, genid } = options;
  const { prefix = uniquePrefix('plain') } = options;
  const { name, persistent: _persistent, ...cookie } = options.cookie ?? {};
  const sessions = createVerbs();
  const app = (options.express ?? express)();
  options.before?.(app);
  app.use(
    expressSession({
      store: new RedisStore({ client: redis, prefix }),
      secret: [...secrets],
      resave: false,
      saveUninitialized: false,
      cookie: { ...(cookie as CookieOptions), maxAge: idleMs },
      ...(name === undefined ? {} : { name }),
      ...(genid === undefined ? {} : { genid }),
    }),
  );
  app.get('/', (req, res) => {
    const { cookie: _cookie, userId = null, ...data } = req.session;
    res.json({ userId, data });
  });
  app.post('/set/:name/:value', (req, res) => {
    Reflect.set(req.session, req.params.name, req.params.value);
    res.json({ ok: true });
  });
  app.post('/log-in/:user', async (req, res) => {
    const { keep } = req.query;
    await sessions.logIn(req, req.params.user, { keep: typeof keep === 'string' ? keep.split(',') : [] });
    res.json({ ok: true });
  });
  app.post('/log-out', async (req, res) => {
    await sessions.logOut(req);
    res.json({ ok: true });
  });
  options.routes?.(app, sessions);
  app.use(((error, _req, res, _next) => {
    res.status(500).json({ message: String(error) });
  }) as express.ErrorRequestHandler);
  const { url } = await listen(app);
  const events = nothing('events');
  return { url, app, sessions, events, redis, prefix, browser: () => request.agent(url), visit: request(url) };
}

function createIds(count: number): string[] {
  const store = new expressSession.MemoryStore();
  expressSession({ store, secret, resave: false, saveUninitialized: false });
  // express-session puts this function on its store.
  const { generate } = store as unknown as { generate: (req: object) => void };
  return Array.from({ length: count }, () => {
    const req = { sessionID: '', headers: {}, socket: {} };
    generate.call(store, req);
    return req.sessionID;
  });
}

const requireHere = createRequire(createRequire(import.meta.url).resolve('express-session'));

export const plainSubject: Subject = {
  name: NAME,
  secret,
  open,
  createIds,
  signatureSource: readFileSync(requireHere.resolve('cookie-signature'), 'utf8'),
};
