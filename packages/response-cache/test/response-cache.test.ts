import { describe, expect, it } from '@jest/globals';
import { createCache } from '@sallyport/cache';
import {
  connect,
  countCommands,
  deferred,
  expectTtlOnAllKeys,
  expressVersions,
  listen,
  uniquePrefix,
  until,
} from '@sallyport/testkit';
import { randomBytes } from 'node:crypto';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { site } from './fixture.js';

describe.each(expressVersions)('responseCache() on $name', ({ express }) => {
  describe('when a response is stored', () => {
    const ways: Record<string, RequestHandler> = {
      json: (_req, res) => void res.json({ a: 1 }),
      send: (_req, res) => void res.type('html').send('<h1>ü</h1>'),
      end: (_req, res) => void res.end('plain'),
      'write and end': (_req, res) => {
        res.write('one ');
        res.write(Buffer.from('two '));
        res.end('three');
      },
      pipe: (_req, res) => void Readable.from(['a', 'b', 'c']).pipe(res),
      writeHead: (_req, res) => void res.writeHead(200, { 'Content-Type': 'text/csv', 'X-Own': 'yes' }).end('a,b'),
      'flushHeaders first': (_req, res) => {
        res.setHeader('X-Own', 'yes');
        res.flushHeaders();
        res.end('later');
      },
      'no body': (_req, res) => void res.status(204).end(),
      redirect: (_req, res) => res.redirect(301, '/elsewhere'),
    };

    it.each(Object.keys(ways))('repeats what was sent by %s: status, headers and body', async (way) => {
      const shop = site(express);
      shop.serve(ways[way] ?? (() => undefined));
      const first = await shop.get('/');
      const second = await shop.get('/');
      expect([first.cache, second.cache]).toStrictEqual(['MISS', 'HIT']);
      expect(second.status).toBe(first.status);
      expect(second.body).toStrictEqual(first.body);
      expect(shop.runs.count).toBe(1);
      const kept = ['content-type', 'x-own', 'location', 'date'].filter((name) => name in first.headers);
      for (const name of kept) expect(second.headers[name]).toBe(first.headers[name]);
    });

    it('repeats binary data byte for byte', async () => {
      const image = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0x00]), randomBytes(100_000)]);
      const shop = site(express);
      shop.serve((_req, res) => void res.type('jpeg').send(image));
      await shop.get('/');
      const { body, headers, cache } = await shop.get('/');
      expect({ cache, length: headers['content-length'], isSame: body.equals(image) }).toStrictEqual({
        cache: 'HIT',
        length: String(image.length),
        isSame: true,
      });
    });

    it('repeats a file that was sent by sendFile', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'response-cache-'));
      await writeFile(join(folder, 'page.html'), '<h1>file</h1>');
      const shop = site(express);
      shop.serve((_req, res) => res.sendFile('page.html', { root: folder, cacheControl: false }));
      const first = await shop.get('/');
      const second = await shop.get('/');
      expect(second).toMatchObject({ cache: 'HIT', text: '<h1>file</h1>' });
      expect(second.headers['etag']).toBe(first.headers['etag']);
      const again = await shop.get('/', { 'If-None-Match': String(first.headers['etag']) });
      expect(again).toMatchObject({ status: 304, cache: 'HIT' });
      await rm(folder, { recursive: true });
    });

    it('answers HEAD from it, with the length and without the body (RFC 9110 §9.3.2)', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.send('twelve bytes'));
      await shop.get('/');
      const { cache, headers, text } = await shop.head('/');
      expect({ cache, length: headers['content-length'], text }).toStrictEqual({
        cache: 'HIT',
        length: '12',
        text: '',
      });
    });

    it('tells its age by the time since it was stored, and keeps its Date (RFC 9111 §5.1)', async () => {
      const clock = { ms: Date.now() };
      const shop = site(express, { now: () => clock.ms });
      shop.serve((_req, res) => void res.send('x'));
      const first = await shop.get('/');
      expect(first.headers).not.toHaveProperty('age');
      clock.ms += 5_400;
      const second = await shop.get('/');
      expect(second.headers['age']).toBe('5');
      const drift = Date.parse(String(second.headers['date'])) - Date.parse(String(first.headers['date']));
      expect(Math.abs(drift)).toBeLessThanOrEqual(2_000);
    });

    it('adds the age that it came with, and shortens its life by it (RFC 9111 §4.2.3)', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.set({ Age: '20', 'Cache-Control': 'max-age=30' }).send('x'));
      await shop.get('/');
      expect((await shop.get('/')).headers['age']).toBe('20');
      const [fresh = ''] = (await shop.redis.keys(`${shop.prefix}*fresh-*`)) ?? [];
      expect(await shop.redis.pttl(fresh)).toBeLessThanOrEqual(10_000);
    });

    it('is asked for anew when its life is over (RFC 9111 §4)', async () => {
      const shop = site(express, { ttlMs: 30 });
      shop.serve((_req, res) => void res.send('x'));
      await shop.get('/');
      await until(async () => (await shop.get('/')).cache === 'REVALIDATED' && shop.runs.count > 1);
    });

    it.each([
      ['max-age=100', 100],
      ['s-maxage=50, max-age=100', 50],
      ['max-age="70"', 70],
      ['max-age=80, max-age=40', 40],
    ])('lives as long as "%s" says, and not ttlMs (RFC 9111 §4.2.1)', async (cacheControl, seconds) => {
      const shop = site(express, { ttlMs: 1_000 });
      shop.serve((_req, res) => void res.set('Cache-Control', cacheControl).send('x'));
      await shop.get('/');
      const [fresh = ''] = await shop.redis.keys(`${shop.prefix}*fresh-*`);
      const ttl = await shop.redis.pttl(fresh);
      expect(ttl).toBeGreaterThan(seconds * 1_000 - 5_000);
      expect(ttl).toBeLessThanOrEqual(seconds * 1_000);
    });
  });

  describe('conditional requests from the store', () => {
    it.each([
      ['the same tag', '"v1"', 304],
      ['the same tag, weak (RFC 9110 §8.8.3.2)', 'W/"v1"', 304],
      ['a list that holds it', '"a", W/"b,c" ,"v1"', 304],
      ['a star', '*', 304],
      ['another tag', '"v2"', 200],
      ['a tag that only contains it', '"xv1"', 200],
      ['no tag at all', 'v1', 200],
    ])('answers If-None-Match with %s by status %#', async (_name, ifNoneMatch, status) => {
      const shop = site(express);
      shop.serve((_req, res) => void res.set('ETag', '"v1"').set('Content-Language', 'en').send('page'));
      await shop.get('/');
      const answer = await shop.get('/', { 'If-None-Match': ifNoneMatch });
      expect(answer).toMatchObject({ status, cache: 'HIT', text: status === 304 ? '' : 'page' });
      expect(answer.headers['etag']).toBe('"v1"');
      if (status !== 304) return;
      // RFC 9110 §15.4.5
      expect(answer.headers).toHaveProperty('date');
      expect(answer.headers).not.toHaveProperty('content-length');
      expect(answer.headers).not.toHaveProperty('content-language');
    });

    it('answers If-Modified-Since by Last-Modified, unless there is If-None-Match (RFC 9110 §13.1.3)', async () => {
      const shop = site(express);
      const changed = 'Sun, 06 Nov 1994 08:49:37 GMT';
      shop.serve((_req, res) => void res.set('Last-Modified', changed).set('ETag', '"v1"').send('page'));
      await shop.get('/');
      const status = async (headers: Record<string, string>) => (await shop.get('/', headers)).status;
      expect(await status({ 'If-Modified-Since': changed })).toBe(304);
      expect(await status({ 'If-Modified-Since': 'Sun Nov  6 08:49:37 1994' })).toBe(304);
      expect(await status({ 'If-Modified-Since': 'Sun, 06 Nov 1994 08:49:36 GMT' })).toBe(200);
      expect(await status({ 'If-Modified-Since': 'yesterday' })).toBe(200);
      expect(await status({ 'If-Modified-Since': changed, 'If-None-Match': '"v2"' })).toBe(200);
    });

    it('gives a weak tag to a response that has none', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.end('no tag'));
      await shop.get('/');
      const { headers } = await shop.get('/');
      expect(headers['etag']).toMatch(/^W\/"6-[\w-]+"$/);
      expect((await shop.get('/', { 'If-None-Match': String(headers['etag']) })).status).toBe(304);
    });

    it('ignores conditions on what is no success (RFC 9110 §13.2.1)', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.status(301).set({ ETag: '"v1"', Location: '/x' }).end());
      await shop.get('/');
      expect(await shop.get('/', { 'If-None-Match': '"v1"' })).toMatchObject({ status: 301, cache: 'HIT' });
    });

    it('answers 304 on a HEAD, too', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.set('ETag', '"v1"').send('page'));
      await shop.get('/');
      expect((await shop.head('/', { 'If-None-Match': '"v1"' })).status).toBe(304);
    });
  });

  describe('purges', () => {
    it('reach all variants of a URL, whatever the order of its parameters', async () => {
      const shop = site(express);
      shop.serve((req, res) => void res.vary('Accept-Language').send(`${shop.runs.count} ${req.url}`));
      const ask = (language: string) => shop.get('/list?b=1&a=2', { 'Accept-Language': language });
      await ask('de');
      await ask('en');
      await shop.get('/other');
      expect(await shop.cached.invalidate('https://shop.example/list?a=2&b=1#top', '/unknown')).toBe(1);
      expect([(await ask('de')).cache, (await ask('en')).cache]).toStrictEqual(['MISS', 'MISS']);
      expect((await shop.get('/other')).cache).toBe('HIT');
    });

    it('do not come undone when the URL is stored again', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.vary('Accept-Language').send(String(shop.runs.count)));
      await shop.get('/', { 'Accept-Language': 'de' });
      await shop.cached.invalidate('/');
      await shop.get('/', { 'Accept-Language': 'en' });
      expect(await shop.get('/', { 'Accept-Language': 'de' })).toMatchObject({ cache: 'MISS', text: '3' });
    });

    it('reach responses by tag, given as a list or by a function of the request', async () => {
      const shop = site(express, { tags: (req, res) => [`path:${req.path}`, String(res.locals['tenant'])] });
      const tenant: RequestHandler = (_req, res, next) => ((res.locals['tenant'] = 'acme'), next());
      shop.serve((_req, res) => void res.send('x'), { before: [tenant] });
      await shop.get('/a');
      await shop.get('/b');
      await shop.cached.invalidateTags(['path:/a']);
      expect([(await shop.get('/a')).cache, (await shop.get('/b')).cache]).toStrictEqual(['MISS', 'HIT']);
      await shop.cached.invalidateTags(['acme']);
      expect([(await shop.get('/a')).cache, (await shop.get('/b')).cache]).toStrictEqual(['MISS', 'MISS']);
    });

    it.each(['invalidate', 'invalidateTags', 'clear'] as const)(
      'by %s win over a response that is being made',
      async (verb) => {
        const shop = site(express, { tags: ['page'] });
        const gate = deferred();
        const started = deferred();
        shop.serve(async (_req, res) => {
          started.resolve();
          await gate.promise;
          res.send('old');
        });
        const asking = shop.get('/');
        await started.promise;
        if (verb === 'invalidate') await shop.cached.invalidate('/');
        if (verb === 'invalidateTags') await shop.cached.invalidateTags(['page']);
        if (verb === 'clear') await shop.cached.clear();
        gate.resolve();
        expect(await asking).toMatchObject({ text: 'old' });
        await until(() => shop.reasons().includes('overtaken'));
        expect(await shop.get('/')).toMatchObject({ cache: 'MISS' });
      },
    );

    it('reach function results and responses together through the cache option', async () => {
      const redis = connect();
      const cache = createCache({
        redis,
        namespace: 'all',
        prefix: uniquePrefix('shared'),
        ttlMs: 60_000,
        deadlineMs: 5_000,
      });
      const shop = site(express, { cache, tags: ['products'] });
      const query = () => cache.getOrSet('products', () => shop.runs.count, { tags: ['products'] });
      shop.serve(async (_req, res) => void res.json(await query()));
      expect([(await shop.get('/')).text, (await shop.get('/')).text]).toStrictEqual(['1', '1']);
      await cache.invalidateTags(['products']);
      expect((await shop.get('/')).text).toBe('2');
    });

    it('refuse URLs when the key option makes the keys', async () => {
      const shop = site(express, { key: () => 'one' });
      await expect(shop.cached.invalidate('/')).rejects.toMatchObject({ code: 'ERR_RESPONSE_CACHE_CUSTOM_KEY' });
    });
  });

  describe('the handle', () => {
    it('shows what is stored for a key, for everyone and for a user', async () => {
      const shop = site(express, { user: (req) => req.headers['x-user'] as string | undefined, tags: ['t'] });
      shop.serve((_req, res) => void res.vary('Accept').type('txt').send('four'));
      await shop.get('/');
      await shop.get('/', { 'X-User': 'ada' });
      const shown = await shop.cached.get('/');
      expect(shown).toMatchObject({ vary: ['accept'], responses: [{ status: 200, bodyBytes: 4 }] });
      expect(await shop.cached.get('/', 'ada')).toMatchObject({ responses: [{ bodyBytes: 4 }] });
      expect(await shop.cached.delete('/', 'ada')).toBe(true);
      expect(await shop.cached.get('/', 'ada')).toBeUndefined();
      expect(await shop.cached.get('/')).toStrictEqual(shown);
    });
  });

  describe('commands to Redis', () => {
    it('are one for a hit, whatever the number of tags, and three for a miss', async () => {
      const shop = site(express, { tags: Array.from({ length: 10 }, (_tag, index) => `t${index}`) });
      shop.serve((_req, res) => void res.send('x'));
      await shop.get('/warm');
      const stored = () => until(() => shop.events.filter(({ type }) => type === 'stored').length === 2);
      const miss = await countCommands(shop.redis, async () => [await shop.get('/'), await stored()]);
      expect(miss).toMatchObject({ commands: { mget: 1, evalsha: 2 }, total: 3 });
      expect(await countCommands(shop.redis, () => shop.get('/'))).toMatchObject({ commands: { mget: 1 }, total: 1 });
    });

    it('are one for a hit of a variant, and two in a process that sees the URL for the first time', async () => {
      const shop = site(express);
      const handler: RequestHandler = (_req, res) => void res.vary('Accept').send('x');
      shop.serve(handler);
      await shop.get('/');
      expect(await countCommands(shop.redis, () => shop.get('/'))).toMatchObject({ commands: { mget: 1 }, total: 1 });
      const other = site(express, { redis: shop.redis, prefix: shop.prefix });
      other.serve(handler);
      const { result, total } = await countCommands(shop.redis, () => other.get('/'));
      expect([result.cache, total]).toStrictEqual(['HIT', 2]);
      expect(await countCommands(shop.redis, () => other.get('/'))).toMatchObject({ total: 1 });
    });

    it('are one for a purge, and none for what is bypassed', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.send('x'));
      await shop.cached.invalidate('/loads-the-script');
      expect(await countCommands(shop.redis, () => shop.cached.invalidate('/'))).toMatchObject({ total: 1 });
      expect(await countCommands(shop.redis, () => shop.cached.invalidateTags(['a', 'b']))).toMatchObject({ total: 1 });
      expect(await countCommands(shop.redis, () => shop.cached.clear())).toMatchObject({ total: 1 });
      expect(await countCommands(shop.redis, () => shop.get('/', { 'If-Match': '*' }))).toMatchObject({ total: 0 });
    });
  });

  it('sends the first byte before the response is complete', async () => {
    const shop = site(express);
    const gate = deferred();
    shop.serve(async (_req, res) => {
      res.write('first');
      await gate.promise;
      res.end(' last');
    });
    const { url, close } = await listen(shop.app);
    const response = await fetch(url);
    const reader = response.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('first');
    gate.resolve();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe(' last');
    await close();
  });

  it('gives every key a TTL', async () => {
    const shop = site(express, { tags: ['t'] });
    shop.serve((_req, res) => void res.vary('Accept').send('x'));
    await shop.get('/');
    await shop.get('/', { Accept: 'text/html' });
    await expectTtlOnAllKeys(shop.redis, shop.prefix);
  });

  it('takes a damaged record for a miss and heals it', async () => {
    const shop = site(express);
    shop.serve((_req, res) => void res.send('good'));
    await shop.get('/');
    for (const key of await shop.redis.keys(`${shop.prefix}*{GET*`)) {
      if (key.endsWith(':fence')) continue;
      await shop.redis.set(key, Buffer.from('damaged'), 'PX', 60_000);
    }
    expect(await shop.get('/')).toMatchObject({ cache: 'MISS', text: 'good' });
    expect(await shop.get('/')).toMatchObject({ cache: 'HIT', text: 'good' });
    expect(shop.events.map(({ type }) => type)).toContain('corrupt');
  });

  it.each([
    ['key', { key: () => '' }],
    ['user', { user: () => 7 as unknown as string }],
    ['tags', { tags: () => 'a' as unknown as string[] }],
  ])('hands an error on when %s gives what it must not', async (_name, options) => {
    const shop = site(express, options);
    shop.serve((_req, res) => void res.send('x'));
    let error: unknown;
    shop.app.use(((reason, _req, res, _next) => void ((error = reason), res.status(500).end())) as ErrorRequestHandler);
    expect((await shop.get('/')).status).toBe(500);
    expect(error).toMatchObject({ code: 'ERR_RESPONSE_CACHE_RESULT' });
  });
});
