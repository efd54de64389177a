import { describe, expect, it } from '@jest/globals';
import { createCache } from '@sallyport/cache';
import { countCommands, dedicatedRedis, expressVersions, startProxy, until, uniquePrefix } from '@sallyport/testkit';
import type { RequestHandler } from 'express';
import { responseCache, type ResponseCacheOptions } from '../src/index.js';
import { site } from './fixture.js';

const server = await dedicatedRedis();

const greeting: RequestHandler = (req, res) => {
  res.set('Vary', 'X-Language').send(`${req.get('X-Language') ?? 'none'} ${Math.random()}`);
};

describe.each(expressVersions)('responseCache() with l1 on $name', ({ express }) => {
  /** A site whose memory is armed; `elsewhere` is another process's cache on the same keys. */
  async function armed(options: Partial<ResponseCacheOptions> = {}, redis = server.client()) {
    const shop = site(express, { redis, l1: {}, ...options });
    shop.serve(greeting);
    await until(() => shop.events.some((event) => event.type === 'l1' && event.isArmed));
    const { prefix } = shop;
    const elsewhere = responseCache({ redis: server.client(), prefix, ttlMs: 60_000, deadlineMs: 5_000 });
    const commands = async (path: string, headers = {}) =>
      (await countCommands(redis, () => shop.get(path, headers))).total;
    /** Asks until the answer comes from memory. */
    const warm = async (path: string, headers: Record<string, string> = {}) => {
      await until(async () => (await commands(path, headers)) === 0);
      return (await shop.get(path, headers)).text;
    };
    return { ...shop, elsewhere, commands, warm };
  }

  it('answers a hit without a command to Redis, as it would from there', async () => {
    const shop = await armed();
    const first = await shop.get('/');
    await shop.warm('/');
    const { result, total } = await countCommands(shop.redis, () => shop.get('/'));
    expect(total).toBe(0);
    expect(result).toMatchObject({ status: 200, cache: 'HIT', text: first.text });
    const { age, ...kept } = result.headers;
    const { 'x-cache': _word, 'cache-status': _status, ...fresh } = first.headers;
    expect(kept).toMatchObject({ etag: fresh['etag'], vary: fresh['vary'], 'content-type': fresh['content-type'] });
    expect(Number(age)).toBeGreaterThanOrEqual(0);
    const conditional = { 'If-None-Match': kept['etag'] ?? '' };
    expect(await shop.get('/', conditional)).toMatchObject({ status: 304, text: '' });
    expect(await shop.get('/', { Range: 'bytes=0-3' })).toMatchObject({ status: 206, text: 'none' });
    expect(await shop.head('/')).toMatchObject({ status: 200, cache: 'HIT' });
    expect(shop.runs.count).toBe(1);
    await shop.cached.close();
  });

  it('keeps the variants of a URL apart, and drops all of them together', async () => {
    const shop = await armed();
    const [en, de] = [{ 'X-Language': 'en' }, { 'X-Language': 'de' }];
    await shop.get('/', en);
    await shop.get('/', de);
    expect(await shop.warm('/', en)).toMatch(/^en /);
    expect(await shop.warm('/', de)).toMatch(/^de /);
    expect(await shop.commands('/', en)).toBe(0);
    await shop.elsewhere.invalidate('/');
    await until(async () => shop.runs.count === 4 || (await shop.get('/', en), await shop.get('/', de), false));
    await shop.cached.close();
  });

  it.each(['invalidate', 'invalidateTags', 'clear'] as const)('obeys a %s elsewhere', async (verb) => {
    const shop = await armed({ tags: ['t'] });
    const old = await shop.warm('/');
    if (verb === 'invalidate') await shop.elsewhere.invalidate('/');
    if (verb === 'invalidateTags') await shop.elsewhere.invalidateTags(['t']);
    if (verb === 'clear') await shop.elsewhere.clear();
    await until(async () => (await shop.get('/')).text !== old, { timeoutMs: 1_500 });
    await shop.cached.close();
  });

  it.each(['invalidate', 'delete', 'invalidateTags', 'clear'] as const)(
    'obeys its own %s before that resolves',
    async (verb) => {
      const shop = await armed({ tags: ['t'] });
      const old = await shop.warm('/');
      if (verb === 'invalidate') await shop.cached.invalidate('/');
      if (verb === 'delete') await shop.cached.delete('/');
      if (verb === 'invalidateTags') await shop.cached.invalidateTags(['t']);
      if (verb === 'clear') await shop.cached.clear();
      expect((await shop.get('/')).text).not.toBe(old);
      await shop.cached.close();
    },
  );

  it('does not give what is not for everyone to a client that says who it is', async () => {
    const shop = await armed();
    const old = await shop.warm('/');
    const personal = await shop.get('/', { Cookie: 'sid=1' });
    expect(personal.text).not.toBe(old);
    expect(await shop.warm('/')).toBe(old);
    await shop.cached.close();
  });

  it('serves a response no longer than it is fresh', async () => {
    const shop = await armed({ ttlMs: 300, revalidateMs: 0 });
    const old = await shop.get('/');
    await until(async () => (await shop.get('/')).text !== old.text, { timeoutMs: 3_000 });
    await shop.cached.close();
  });

  it('keeps no field that a layer in front adds to a list for each request', async () => {
    const append: RequestHandler = (_req, res, next) => {
      const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => typeof res;
      res.writeHead = ((...args: unknown[]) => {
        res.appendHeader('Link', '<own>');
        return writeHead(...args);
      }) as typeof res.writeHead;
      next();
    };
    const redis = server.client();
    const shop = site(express, { redis, l1: {} });
    shop.serve((_req, res) => void res.set('Link', ['<a>', '<b>'] as never).send('page'), { before: [append] });
    await until(() => shop.events.some((event) => event.type === 'l1' && event.isArmed));
    for (let count = 0; count < 5; count += 1) {
      expect((await shop.get('/')).headers['link']).toBe('<a>, <b>, <own>');
    }
    await shop.cached.close();
  });

  it('forgets everything while Redis does not tell of changes, and fills again afterwards', async () => {
    const proxy = await startProxy({ port: server.port });
    const redis = proxy.client({ retryStrategy: () => 20 });
    const shop = await armed({ deadlineMs: 100 }, redis);
    await shop.warm('/');
    await proxy.refuse();
    await until(() => shop.events.some((event) => event.type === 'l1' && !event.isArmed));
    expect(await shop.get('/')).toMatchObject({ status: 200, cache: 'BYPASS' });
    await proxy.heal();
    await until(async () => (await shop.commands('/')) === 0, { timeoutMs: 5_000 });
    await shop.cached.close();
  });
});

it('keeps responses in memory when the cache that it stores in does so', async () => {
  const redis = server.client();
  const [version] = expressVersions;
  if (version === undefined) throw new Error('no Express');
  const cache = createCache({ redis, namespace: 'shop', prefix: uniquePrefix('memory'), ttlMs: 60_000, l1: {} });
  const shop = site(version.express, { cache, tags: ['t'] });
  shop.serve((_req, res) => void res.send(String(shop.runs.count)));
  await until(async () => (await countCommands(redis, () => shop.get('/'))).total === 0);
  expect(await shop.get('/')).toMatchObject({ cache: 'HIT', text: '1' });
  await cache.invalidateTags(['t']);
  await until(async () => (await shop.get('/')).text === '2', { timeoutMs: 1_500 });
  await shop.cached.close();
  await cache.close();
});
