// Runs the recipes of the README as they are printed there, against the names that they take for given.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCache } from '@sallyport/cache';
import { connect, countCommands, expressVersions, until, uniquePrefix } from '@sallyport/testkit';
import type { Application, Request, RequestHandler } from 'express';
import { readFile as readFileWith } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';
import request from 'supertest';
import { responseCache, tagResponse, type ResponseCache, type ResponseCacheOptions } from '../src/index.js';

const recipes = new Map<string, string>();
const used = new Set<string>();

beforeAll(async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const [, section = ''] = /\n## Recipes\n([\s\S]*?)\n## /.exec(readme) ?? [];
  for (const [, title = '', code = ''] of section.matchAll(/### (.*)\n\n```ts\n([\s\S]*?)```/g)) {
    recipes.set(title, code);
  }
});

describe.each(expressVersions)('the recipe, on $name', ({ express }) => {
  /** Runs a recipe; `names` are what it takes for given besides `app`, `redis` and this package. */
  async function cook(
    title: string,
    names: { cached?: ResponseCache } & Record<string, unknown> = {},
    before: RequestHandler[] = [],
  ) {
    const code = recipes.get(title);
    if (code === undefined) throw new Error(`the README has no recipe "${title}"`);
    used.add(title);
    const redis = connect();
    const app: Application = express();
    app.use(...before, (_req, _res, next) => next());
    const caches: ResponseCache[] = [];
    // Deadlines are wide: the machine may be busy.
    const prefix = uniquePrefix('recipes');
    const given: { cached?: ResponseCache } & Record<string, unknown> = {
      app,
      redis,
      tagResponse,
      createCache: (options: Parameters<typeof createCache>[0]) =>
        createCache({ ...options, prefix, deadlineMs: 5_000 }),
      responseCache: (options: ResponseCacheOptions) => {
        const wide = options.cache === undefined ? { prefix, deadlineMs: 5_000 } : {};
        const cache = responseCache({ ...options, ...wide });
        caches.push(cache);
        return cache;
      },
      ...names,
    };
    const run = compileFunction(`return (async () => { ${code} })();`, Object.keys(given)) as (
      ...values: unknown[]
    ) => Promise<void>;
    await run(...Object.values(given));
    const [cached = given.cached] = caches;
    if (cached === undefined) throw new Error(`"${title}" makes no cache`);
    const get = async (path: string, headers: Record<string, string> = {}) => {
      const { status, text, headers: answered } = await request(app).get(path).set(headers);
      return { status, text, cache: String(answered['x-cache']) };
    };
    /** Asks until it is stored; gives what is. */
    const warm = (path: string, headers?: Record<string, string>) =>
      until(async () => {
        const answer = await get(path, headers);
        expect(answer.cache).toBe('HIT');
        return answer;
      });
    return { app, redis, cached, get, warm };
  }

  const counter = () => {
    let count = 0;
    const handler: RequestHandler = (_req, res) => void res.send(`run ${(count += 1)}`);
    return Object.assign(handler, { runs: () => count });
  };

  it('"Cache a slow SQL query" asks the database once', async () => {
    let queries = 0;
    const db = { query: async () => ({ sales: (queries += 1) }) };
    const { get, warm, cached } = await cook('Cache a slow SQL query', { db, SALES_BY_MONTH: 'SELECT 1' });
    const texts = await Promise.all(Array.from({ length: 5 }, async () => (await get('/reports/sales')).text));
    expect(new Set(texts)).toStrictEqual(new Set(['{"sales":1}']));
    await warm('/reports/sales');
    await cached.invalidateTags(['orders'], { soft: true });
    expect(await get('/reports/sales')).toMatchObject({ cache: 'STALE', text: '{"sales":1}' });
    await until(async () => (await get('/reports/sales')).text === '{"sales":2}');
  });

  it('"Keep answering when an external API fails" gives the last good answer', async () => {
    let isUp = true;
    const fetch = async () => new Response(JSON.stringify({ eur: 1 }), { status: isUp ? 200 : 500 });
    const { get, warm, cached } = await cook('Keep answering when an external API fails', { fetch });
    const { text } = await warm('/rates');
    isUp = false;
    await cached.invalidate('/rates', { soft: true });
    expect(await get('/rates')).toStrictEqual({ status: 200, cache: 'STALE', text });
    await cached.invalidate('/rates');
    expect((await get('/rates')).status).toBe(502);
  });

  it('"Purge after a write" shows the client what it wrote', async () => {
    const names = ['lamp'];
    const updateProduct = async (_id: string, name: string) => void (names[0] = name);
    const text: RequestHandler = (req, _res, next) => {
      req.body = req.get('X-Name');
      next();
    };
    const { app, get, warm } = await cook('Purge after a write', { updateProduct }, [text]);
    app.get('/products/:id', (_req, res) => void res.send(names[0]));
    app.get('/products', (_req, res) => void res.send(names));
    for (const path of ['/products/7', '/products']) await warm(path);
    await request(app).put('/products/7').set('X-Name', 'chair').expect(204);
    expect(await get('/products/7')).toMatchObject({ cache: 'MISS', text: 'chair' });
    expect(await get('/products')).toMatchObject({ cache: 'MISS', text: '["chair"]' });
  });

  it('"Tag by what the handler finds" purges every list with the product in it', async () => {
    const redis = connect();
    const cached = responseCache({ redis, prefix: uniquePrefix('recipes'), ttlMs: 60_000, deadlineMs: 5_000 });
    const search = async (q: string) => q.split('').map((id) => ({ id }));
    const { get, warm } = await cook('Tag by what the handler finds', { cached, search });
    const word = async (q: string) => (await get(`/search?q=${q}`)).cache;
    for (const q of ['12', '23', '4']) await warm(`/search?q=${q}`);
    await cached.invalidateTags(['product:2']);
    expect([await word('12'), await word('23'), await word('4')]).toStrictEqual(['MISS', 'MISS', 'HIT']);
  });

  describe('with a view', () => {
    let folder: string | undefined;
    afterAll(async () => {
      if (folder !== undefined) await rm(folder, { recursive: true });
    });

    it('"Cache an HTML page for everyone, logged in or not" renders once', async () => {
      folder = await mkdtemp(join(tmpdir(), 'recipes-'));
      await writeFile(join(folder, 'home.page'), '<h1>home</h1>');
      const { app, get, warm } = await cook('Cache an HTML page for everyone, logged in or not');
      let runs = 0;
      app.engine('page', (path, _options, done) => {
        runs += 1;
        readFileWith(path, 'utf8', done);
      });
      app.set('views', folder).set('view engine', 'page');
      expect((await warm('/', { Cookie: 'sid=1' })).text).toBe('<h1>home</h1>');
      expect(await get('/')).toMatchObject({ cache: 'HIT', text: '<h1>home</h1>' });
      expect(await get('/', { Authorization: 'Bearer x' })).toMatchObject({ cache: 'HIT' });
      expect(runs).toBe(1);
    });
  });

  it('"Keep a copy for each user" gives each client its own, and what it has ordered', async () => {
    const orders: Record<string, number> = {};
    const userOf = (req: Request) => String(req.get('X-User'));
    const session: RequestHandler = (req, _res, next) => {
      Object.assign(req, { session: { userId: req.get('X-User') } });
      next();
    };
    const names = {
      listOrders: ((req, res) => void res.send(`${userOf(req)} ${orders[userOf(req)] ?? 0}`)) satisfies RequestHandler,
      placeOrder: async (req: Request) => void (orders[userOf(req)] = (orders[userOf(req)] ?? 0) + 1),
    };
    const { app, get, warm } = await cook('Keep a copy for each user', names, [session]);
    for (const user of ['ann', 'bob']) expect((await warm('/me/orders', { 'X-User': user })).text).toBe(`${user} 0`);
    await request(app).post('/me/orders').set('X-User', 'ann').expect(201);
    expect(await get('/me/orders', { 'X-User': 'ann' })).toMatchObject({ cache: 'MISS', text: 'ann 1' });
    expect(await get('/me/orders', { 'X-User': 'bob' })).toMatchObject({ cache: 'HIT', text: 'bob 0' });
  });

  it('"Purge one product, wherever it is shown" reaches all its pages and no other', async () => {
    const names = { showProduct: counter(), showReviews: counter(), saveReview: async () => undefined };
    const { app, get, warm } = await cook('Purge one product, wherever it is shown', names);
    const paths = ['/products/7', '/products/7/reviews', '/products/8'];
    for (const path of paths) await warm(path);
    await request(app).post('/products/7/reviews').expect(201);
    const words = [];
    for (const path of paths) words.push((await get(path)).cache);
    expect(words).toStrictEqual(['MISS', 'MISS', 'HIT']);
  });

  it('"Purge query results and pages together" does so by one tag', async () => {
    const listProducts = counter();
    const { get, warm, cached } = await cook('Purge query results and pages together', { listProducts });
    await warm('/products');
    await cached.invalidateTags(['products']);
    expect(await get('/products')).toMatchObject({ cache: 'MISS', text: 'run 2' });
  });

  it('"Let analytics cookies not get in the way" answers them from the store, and no others', async () => {
    const { get, warm } = await cook('Let analytics cookies not get in the way', { showArticle: counter() });
    await warm('/articles/1', { Cookie: '_ga_X1=1; _gid=2' });
    expect(await get('/articles/1', { Cookie: 'consent=yes' })).toMatchObject({ cache: 'HIT', text: 'run 1' });
    expect((await get('/articles/1', { Cookie: '_ga=1; sid=2' })).cache).toBe('BYPASS');
  });

  it('"Answer hot pages from memory" asks Redis nothing', async () => {
    const { redis, get, cached } = await cook('Answer hot pages from memory', { blog: counter() });
    await until(async () => (await countCommands(redis, () => get('/blog/1'))).total === 0);
    expect(await get('/blog/1')).toMatchObject({ cache: 'HIT', text: 'run 1' });
    await cached.close();
  });
});

it('the README has no recipe that is not run here', () => {
  expect([...recipes.keys()].filter((title) => !used.has(title))).toStrictEqual([]);
  expect(recipes.size).toBeGreaterThanOrEqual(10);
});
