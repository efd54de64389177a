import { createServer as createPlainServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Express as App, Request, Response } from 'express';
import { describe, expect, it } from '@jest/globals';
import { messageClasses } from '@sallyport/server';
import { expressVersions } from '@sallyport/testkit';
import request from 'supertest';

/** The classes that Node 20 to 23 get, whatever Node runs the test. */
const serverWithClasses = (app: App) => createPlainServer(messageClasses(app, true), app);

/** All that a handler can see of its two objects. */
function seen(req: Request, res: Response, app: App) {
  const chain = (value: object | null): string[] =>
    value === null ? [] : [Object.getOwnPropertyNames(value).join(), ...chain(Object.getPrototypeOf(value) as object)];
  return {
    classes: [
      req instanceof IncomingMessage,
      res instanceof ServerResponse,
      req.constructor.name,
      res.constructor.name,
    ],
    apps: [req.app === app, res.app === app, req.res === res, res.req === req],
    own: [Reflect.ownKeys(req).map(String), Reflect.ownKeys(res).map(String)],
    prototypes: [Object.getPrototypeOf(req) === app.request, Object.getPrototypeOf(res) === app.response],
    chains: [chain(Object.getPrototypeOf(req) as object), chain(Object.getPrototypeOf(res) as object)],
    tags: [Object.prototype.toString.call(req), Object.prototype.toString.call(res)],
    helpers: [
      req.ip !== undefined,
      req.protocol,
      req.get('x-word'),
      req.path,
      req.query,
      typeof res.json,
      req.httpVersion,
    ],
  };
}

describe.each(expressVersions)('messageClasses() on $name', ({ express }) => {
  it('makes requests and responses that have the prototypes of the app before Express sees them', async () => {
    const app = express();
    const before: unknown[] = [];
    const server = createPlainServer(messageClasses(app, true), (req, res) => {
      before.push(Object.getPrototypeOf(req) === app.request, Object.getPrototypeOf(res) === app.response);
      app(req, res);
    });
    app.get('/', (_req, res) => void res.send('in'));
    expect((await request(server).get('/')).text).toBe('in');
    expect(before).toEqual([true, true]);
  });

  it('shows handlers the same as a plain server, in the app, in mounted apps and after them', async () => {
    const build = () => {
      const [app, sub, inner] = [express(), express(), express()];
      const look = (mine: App) => (req: Request, res: Response, next: () => void) => {
        const list = (res.locals['seen'] ??= []) as unknown[];
        list.push(seen(req, res, mine));
        next();
      };
      Object.assign(sub.request, { word: () => 'of the sub-app' });
      inner.use(look(inner));
      sub.use(look(sub), inner, look(sub));
      app.use(look(app), sub, look(app), (_req, res) => void res.status(201).json({ seen: res.locals['seen'] }));
      return app;
    };
    const ask = (server: ReturnType<typeof createPlainServer>) => request(server).get('/a/b?c=d').set('X-Word', 'same');
    const [plain, ours] = [await ask(createPlainServer(build())), await ask(serverWithClasses(build()))];
    const answer = ({ status, body, headers }: typeof plain) => ({
      status,
      body: body as unknown,
      headers: { ...headers, date: '' },
    });
    expect(answer(ours)).toEqual(answer(plain));
    expect((ours.body as { seen: unknown[] }).seen).toHaveLength(5);
    expect(ours.body).toMatchObject({
      seen: [{ apps: [true, true, true, true], prototypes: [true, true] }, {}, {}, {}, {}],
    });
  });

  it('shows what the user adds to app.request and app.response, before and after the server was made', async () => {
    const app = express();
    Object.assign(app.request, { early: 1 });
    const server = serverWithClasses(app);
    Object.assign(app.response, { late: 2 });
    app.get('/', (req, res) => void res.json([Reflect.get(req, 'early'), Reflect.get(res, 'late')]));
    expect((await request(server).get('/')).body).toEqual([1, 2]);
  });

  it('follows an app whose request and response are replaced later', async () => {
    const app = express();
    const server = serverWithClasses(app);
    app.request = Object.assign(Object.create(app.request) as Request, { kind: 'another' });
    app.response = Object.assign(Object.create(app.response) as Response, { kind: 'another' });
    app.get('/', (req, res) => void res.json([Reflect.get(req, 'kind'), Reflect.get(res, 'kind')]));
    expect((await request(server).get('/')).body).toEqual(['another', 'another']);
  });

  it('keeps several apps in one process apart', async () => {
    const apps = ['first', 'second'].map((name) => {
      const app = express();
      Object.assign(app.request, { shop: name });
      return app.get('/', (req, res) => void res.json([Reflect.get(req, 'shop'), req.app === app]));
    });
    const answers = await Promise.all(apps.map((app) => request(serverWithClasses(app)).get('/')));
    expect(answers.map(({ body }) => body as unknown)).toEqual([
      ['first', true],
      ['second', true],
    ]);
  });

  it('lets Express answer errors, unknown paths and HEAD as ever', async () => {
    const app = express().get('/broken', () => {
      throw Object.assign(new Error('no'), { status: 418 });
    });
    app.set('env', 'test');
    const server = serverWithClasses(app);
    expect((await request(server).get('/broken')).status).toBe(418);
    expect((await request(server).head('/nowhere')).status).toBe(404);
  });
});

describe('messageClasses()', () => {
  const [, { express }] = expressVersions as [unknown, (typeof expressVersions)[number]];

  it('gives nothing where V8 has mended the cause', () => {
    expect(messageClasses(express(), false)).toEqual({});
    const isSlow = Number.parseInt(process.versions.v8, 10) < 13;
    expect(Object.keys(messageClasses(express()))).toEqual(isSlow ? ['IncomingMessage', 'ServerResponse'] : []);
  });

  it('gives nothing for a listener that is no Express app', () => {
    expect(messageClasses(() => undefined, true)).toEqual({});
  });

  it('gives classes that are named and related as those of Node', () => {
    const classes = messageClasses(express(), true);
    expect([classes.IncomingMessage?.name, classes.ServerResponse?.name]).toEqual([
      'IncomingMessage',
      'ServerResponse',
    ]);
    expect(Object.getPrototypeOf(classes.IncomingMessage)).toBe(IncomingMessage);
  });
});
