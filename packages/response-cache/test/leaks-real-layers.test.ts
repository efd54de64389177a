import { describe, expect, it } from '@jest/globals';
import { expressVersions, until } from '@sallyport/testkit';
import compression from 'compression';
import type { RequestHandler } from 'express';
import { createRequire } from 'node:module';
import { site } from './fixture.js';

// The package has no type declarations here.
const session = createRequire(import.meta.url)('express-session') as (options: object) => RequestHandler;
const sessions = () => session({ secret: 'test', resave: false, saveUninitialized: false });
const TEXT = 'a page that compresses well '.repeat(200);
const GZIP = { 'Accept-Encoding': 'gzip' };
const sessionOf = (req: unknown) => (req as { session: Record<string, unknown> }).session;

describe.each(expressVersions)('with the real layers, on $name', ({ express }) => {
  describe.each(['in front of', 'behind'] as const)('compression %s the cache', (where) => {
    const layers = () => ({ [where === 'behind' ? 'after' : 'before']: [compression()] });

    it('gives compressed and plain bytes each to those who take them', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.type('html').send(TEXT), layers());
      for (const headers of [GZIP, {}, GZIP, {}]) {
        const answer = await shop.get('/', headers);
        const isZipped = answer.headers['content-encoding'] === 'gzip';
        expect(isZipped).toBe(headers === GZIP);
        expect(answer.text).toBe(TEXT);
      }
      expect(shop.runs.count).toBe(where === 'behind' ? 2 : 1);
    });

    it('keeps the length of what is stored true', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.type('html').send(TEXT), layers());
      await shop.get('/', GZIP);
      expect((await shop.get('/')).body).toHaveLength(TEXT.length);
      expect((await shop.get('/')).headers['content-length']).toBe(String(TEXT.length));
    });

    it('stores nothing of a stream that breaks off', async () => {
      const shop = site(express);
      shop.serve((_req, res) => {
        res.type('html').write(TEXT);
        setImmediate(() => res.destroy());
      }, layers());
      await shop.get('/', GZIP).catch(() => undefined);
      await shop.get('/', GZIP).catch(() => undefined);
      expect(shop.runs.count).toBe(2);
      expect(shop.events.some(({ type }) => type === 'stored')).toBe(false);
    });

    it('sends the whole to a Range whose client takes codings, and never a range of other bytes', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.type('html').send(TEXT), layers());
      await shop.get('/', GZIP);
      const answer = await shop.get('/', { ...GZIP, Range: 'bytes=0-9' });
      if (where === 'in front of') expect(answer.text).toBe(TEXT);
      else expect(answer).toMatchObject({ status: 206 });
    });

    it('covers an error by the stale page, readable for the client', async () => {
      const shop = site(express, { ttlMs: 20, staleIfErrorMs: 60_000 });
      shop.serve(
        (_req, res) =>
          void res
            .status(shop.runs.count > 1 ? 503 : 200)
            .type('html')
            .send(TEXT),
        layers(),
      );
      await shop.get('/', GZIP);
      await until(async () => (await shop.redis.keys(`${shop.prefix}*fresh-*`)).length === 0);
      const answer = await shop.get('/', GZIP);
      expect([answer.status, answer.cache]).toStrictEqual([200, 'STALE']);
      expect(answer.text).toBe(TEXT);
    });

    it('revalidates by a 304, readable for the client', async () => {
      const shop = site(express, { ttlMs: 20 });
      shop.serve((_req, res) => void res.type('html').set('ETag', '"v1"').send(TEXT), layers());
      await shop.get('/', GZIP);
      await until(async () => (await shop.redis.keys(`${shop.prefix}*fresh-*`)).length === 0);
      const answer = await shop.get('/', GZIP);
      expect([answer.status, answer.cache]).toStrictEqual([200, 'REVALIDATED']);
      expect(answer.text).toBe(TEXT);
    });
  });

  describe.each(['in front of', 'behind'] as const)('express-session %s the cache', (where) => {
    const layers = () => ({ [where === 'behind' ? 'after' : 'before']: [sessions()] });

    it('stores no response that begins a session, and gives its cookie to nobody else', async () => {
      const shop = site(express);
      shop.serve((req, res) => {
        sessionOf(req)['name'] = 'Ada';
        res.send('Ada');
      }, layers());
      expect((await shop.get('/')).headers['set-cookie']).toBeDefined();
      const next = await shop.get('/');
      expect([next.cache, shop.runs.count]).toStrictEqual(['BYPASS', 2]);
    });

    it('stores no response to a client with a session', async () => {
      const shop = site(express);
      shop.serve((req, res) => {
        sessionOf(req)['name'] ??= 'Ada';
        res.send('Ada');
      }, layers());
      const [cookie = ''] = (await shop.get('/')).headers['set-cookie'] ?? [];
      const mine = await shop.get('/', { Cookie: cookie.split(';')[0] ?? '' });
      expect(mine.cache).toBe('BYPASS');
      expect(shop.events.some(({ type }) => type === 'stored')).toBe(false);
    });

    it('stores what is made without touching the session', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.send('for all'), layers());
      await shop.get('/');
      expect((await shop.get('/')).cache).toBe('HIT');
    });

    it('shares no run of the handler with those who wait when it begins a session', async () => {
      const shop = site(express);
      shop.serve(async (req, res) => {
        const name = `visitor ${shop.runs.count}`;
        sessionOf(req)['name'] = name;
        await until(() => shop.runs.count > 0);
        res.send(name);
      }, layers());
      const answers = await Promise.all(Array.from({ length: 5 }, () => shop.get('/')));
      expect(new Set(answers.map(({ text }) => text)).size).toBe(5);
    });
  });
});
