import { describe, expect, it } from '@jest/globals';
import { expressVersions, until } from '@sallyport/testkit';
import type { RequestHandler } from 'express';
import { site } from './fixture.js';
import { rawClient } from './raw-http.js';

describe.each(expressVersions)('whatever way a response takes, on $name', ({ express }) => {
  const cookie = 'sid=secret';
  const ways: Record<string, RequestHandler> = {
    setHeaders: (_req, res) => void res.setHeaders(new Map([['Set-Cookie', cookie]])).end('x'),
    'setHeader before flushHeaders': (_req, res) => {
      res.setHeader('Set-Cookie', cookie);
      res.flushHeaders();
      res.end('x');
    },
    'setHeader before write': (_req, res) => {
      res.setHeader('Set-Cookie', cookie);
      res.write('x');
      res.end();
    },
    'a callback of end': (_req, res) => void res.setHeader('set-cookie', [cookie]).end('x', () => undefined),
  };

  it.each(Object.keys(ways))('a cookie that is set by %s keeps it out of the store', async (way) => {
    const shop = site(express);
    shop.serve((req, res, next) => {
      res.set('Cache-Control', 'public');
      return ways[way]?.(req, res, next);
    });
    const first = await shop.get('/');
    expect([String(first.headers['set-cookie']).includes(cookie), first.text]).toStrictEqual([true, 'x']);
    expect(shop.reasons()).toStrictEqual(['set-cookie']);
  });

  it('stores nothing when the handler takes the connection over, and leaves nobody waiting', async () => {
    const shop = site(express);
    shop.serve((_req, res) => {
      if (shop.runs.count > 1) return void res.send('page');
      return void res.socket?.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmine');
    });
    const ask = await rawClient(shop.app);
    const get = () => ask('GET / HTTP/1.1', 'Host: a', 'Connection: close', '', '');
    const texts = (await Promise.all([get(), get(), get()])).map(({ text }) => text).toSorted();
    expect(texts).toStrictEqual(['mine', 'page', 'page']);
    await until(async () => (await get()).cache === 'HIT');
    expect((await get()).text).toBe('page');
  });

  it('tells keys apart that are names of objects in JavaScript', async () => {
    const shop = site(express, { key: (req) => req.path.slice(1), tags: (req) => [req.path.slice(1)] });
    shop.serve((req, res) => void res.send(req.path));
    const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty'];
    for (const cache of ['MISS', 'HIT']) {
      const answers = await Promise.all(names.map((name) => shop.get(`/${name}`)));
      expect(answers).toMatchObject(names.map((name) => ({ cache, text: `/${name}` })));
    }
  });

  it("compares tags with those of the same URL, and of no other's", async () => {
    const shop = site(express);
    shop.serve((req, res) => void res.set('ETag', `"${req.path}"`).send(req.path));
    for (const path of ['/a', '/b']) await shop.get(path);
    expect((await shop.get('/a', { 'If-None-Match': '"/b"' })).status).toBe(200);
    expect((await shop.get('/a', { 'If-None-Match': '"/a"' })).status).toBe(304);
  });

  it.each(['tag:', 'generation', 'fence'])(
    'is stale when its version %s has been evicted: what may have been purged is not served',
    async (part) => {
      const shop = site(express, { tags: ['t'] });
      shop.serve((_req, res) => void res.send(`run ${shop.runs.count}`));
      await shop.get('/');
      expect((await shop.get('/')).cache).toBe('HIT');
      const keys = (await shop.redis.keys(`${shop.prefix}*`)).filter((key) => key.includes(part));
      expect(keys).toHaveLength(1);
      await shop.redis.unlink(keys);
      expect(await shop.get('/')).toMatchObject({ cache: 'MISS', text: 'run 2' });
    },
  );

  it('refuses an upgrade to be looked up at all', async () => {
    const shop = site(express);
    shop.serve((_req, res) => void res.send('page'));
    await shop.get('/');
    const ask = await rawClient(shop.app);
    const answer = await ask('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade, close', 'Upgrade: h2c', '', '');
    expect(answer.cache).toBe('BYPASS');
  });
});
