import { afterAll, describe, expect, it } from '@jest/globals';
import { connect, uniquePrefix } from '@sallyport/testkit';
import express, { type RequestHandler } from 'express';
import { readFile } from 'node:fs/promises';
import request from 'supertest';
import { parseRateLimit, rateLimit, type RateLimitHandle, type RateLimitOptions } from '../src/index.js';

// Each recipe of the README as it stands there: run, mounted, and asked for what its heading promises.

const redis = connect();
const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
const section = /\n## Recipes\n(.*?)\n## /s.exec(readme)?.[1] ?? '';
const recipes = new Map(
  [...section.matchAll(/### (.+?)\n.*?```ts\n(.*?)```/gs)].map(([, heading = '', code = '']) => [heading, code]),
);

type Scope = Record<string, unknown>;
const AsyncFunction = (async () => undefined).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<void>;

/** Runs a recipe with the names that it expects to be there. */
async function run(heading: string, scope: Scope): Promise<void> {
  const code = recipes.get(heading);
  if (code === undefined) throw new Error(`The README has no recipe "${heading}"`);
  await new AsyncFunction(...Object.keys(scope), code)(...Object.values(scope));
}

const done = new Set<string>();
const handles: RateLimitHandle[] = [];
afterAll(async () => {
  await Promise.all(handles.map((handle) => handle.close()));
});

/** The application of a recipe: what it has mounted, or made. */
async function appOf(heading: string, scope: Scope = {}) {
  done.add(heading);
  const app = express();
  const use: RequestHandler[] = [];
  const prefix = uniquePrefix('rate-limit-recipes');
  const create = (options: RateLimitOptions) => {
    const handle = rateLimit({ ...options, prefix, deadlineMs: 5_000 });
    handles.push(handle);
    use.push(handle);
    return handle;
  };
  const cors = (): RequestHandler => (_req, res, next) => {
    res.setHeader('Access-Control-Expose-Headers', 'ETag');
    next();
  };
  const early: RequestHandler[] = [];
  const mounting = { use: (handler: RequestHandler) => void (use.includes(handler) || early.push(handler)) };
  await run(heading, { redis, rateLimit: create, app: mounting, cors, ...scope });
  app.use((req, _res, next) => {
    Object.assign(req, { user: { id: 'ann', plan: req.get('X-Plan') ?? 'free' } });
    next();
  });
  app.use(...early, ...use);
  app.get('/', (req, res) => void res.status(Number(req.get('X-Status') ?? 200)).end());
  return app;
}

describe('the recipes of the README', () => {
  it('limit by plan', async () => {
    const app = await appOf('Limit by plan');
    const free = await request(app).get('/').expect(200);
    expect(free.headers).toMatchObject({ 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '59' });
    const paid = await request(app).get('/').set('X-Plan', 'paid').expect(200);
    expect(paid.headers).toMatchObject({ 'x-ratelimit-limit': '6000', 'x-ratelimit-remaining': '5998' });
  });

  it('count failed log-ins only, and ban who goes on', async () => {
    const app = await appOf('Count failed log-ins only, and ban who goes on');
    for (let good = 0; good < 7; good += 1) await request(app).get('/').expect(200);
    const statuses: number[] = [];
    let type = '';
    for (let failed = 0; failed < 30 && !type.includes('abnormal'); failed += 1) {
      const { status, body } = await request(app).get('/').set('X-Status', '401');
      statuses.push(status);
      type = String(body.type);
    }
    expect(statuses.slice(0, 5)).toEqual([401, 401, 401, 401, 401]);
    expect(type).toContain('abnormal-usage-detected');
  });

  it('bound bytes, and requests in flight, together with the rate', async () => {
    const app = await appOf('Bound bytes, and requests in flight, together with the rate');
    const { headers } = await request(app).get('/').expect(200);
    expect(headers).toMatchObject({ 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '99' });
  });

  it('answer a hot API key without asking Redis each time', async () => {
    const app = await appOf('Answer a hot API key without asking Redis each time');
    const { headers } = await request(app).get('/').set('X-Api-Key', 'k').expect(200);
    expect(headers['x-ratelimit-limit']).toBe('600000');
  });

  it('try a new limit without turning anybody away', async () => {
    const types: string[] = [];
    const metrics = { count: (type: string) => types.push(type) };
    const app = await appOf('Try a new limit without turning anybody away', { metrics });
    for (let asked = 0; asked < 51; asked += 1) await request(app).get('/').expect(200);
    expect(types.filter((type) => type === 'denied')).toHaveLength(1);
  });

  it('slow a client of yours down before it is refused', async () => {
    const pauses: number[] = [];
    const response = new Response(null, { headers: { 'X-RateLimit-Remaining': '4', 'X-RateLimit-Reset': '8' } });
    const heading = 'Slow a client of yours down before it is refused';
    done.add(heading);
    await run(heading, { parseRateLimit, response, setTimeout: async (ms: number) => void pauses.push(ms) });
    expect(pauses).toEqual([2_000]);
  });

  it('let a browser application of another origin see its limits', async () => {
    const app = await appOf('Let a browser application of another origin see its limits');
    const { headers } = await request(app).get('/').expect(200);
    expect(headers['access-control-expose-headers']).toContain('RateLimit-Policy');
    expect(headers['access-control-expose-headers']).toContain('ETag');
  });

  it('keep those who were refused together from returning together', async () => {
    const app = await appOf('Keep those who were refused together from returning together');
    for (let asked = 0; asked < 100; asked += 1) await request(app).get('/').expect(200);
    const waits = await Promise.all(Array.from({ length: 20 }, () => request(app).get('/').expect(429)));
    expect(new Set(waits.map(({ headers }) => headers['retry-after'])).size).toBeGreaterThan(1);
  });

  it("answer like GitHub's API", async () => {
    const app = await appOf("Answer like GitHub's API");
    const { headers } = await request(app).get('/').expect(200);
    const seconds = Number(headers['x-ratelimit-reset']) - Date.now() / 1000;
    expect(seconds).toBeGreaterThan(3_500);
    expect(seconds).toBeLessThan(3_700);
  });

  it('are all run here', () => {
    expect([...done].toSorted()).toEqual([...recipes.keys()].toSorted());
  });
});
