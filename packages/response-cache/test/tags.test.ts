import { describe, expect, it } from '@jest/globals';
import { deferred, expressVersions, until } from '@sallyport/testkit';
import type { Response } from 'express';
import { tagResponse } from '../src/index.js';
import { site } from './fixture.js';

const ways: Record<string, (res: Response) => void> = {
  'tagResponse()': (res) => tagResponse(res, 'product:7', 'b'),
  'res.locals.cacheTags': (res) => void (res.locals['cacheTags'] = ['product:7', 'b']),
  'Cache-Tag': (res) => void res.set('Cache-Tag', 'product:7, b'),
  'Surrogate-Key': (res) => void res.set('Surrogate-Key', 'product:7 b'),
};

describe.each(expressVersions)('tags that the handler gives, on $name', ({ express }) => {
  it.each(Object.keys(ways))('by %s reach the response', async (way) => {
    const shop = site(express);
    shop.serve((_req, res) => {
      ways[way]?.(res);
      res.send(String(shop.runs.count));
    });
    await until(async () => (await shop.get('/')).cache === 'HIT');
    await shop.cached.invalidateTags(['product:7']);
    expect((await shop.get('/')).cache).toBe('MISS');
    await until(async () => (await shop.get('/')).cache === 'HIT');
  });

  it('that come from the handler keep its response out when they were purged while it ran', async () => {
    const shop = site(express);
    const gate = deferred();
    shop.serve(async (_req, res) => {
      const run = shop.runs.count;
      if (run === 1) await gate.promise;
      tagResponse(res, 'a');
      res.send(String(run));
    });
    const first = shop.get('/');
    await until(() => shop.runs.count === 1);
    await shop.cached.invalidateTags(['a']);
    gate.resolve();
    await first;
    await until(() => shop.reasons().includes('overtaken'));
    expect((await shop.get('/')).text).toBe('2');
    expect(await shop.get('/')).toMatchObject({ cache: 'HIT', text: '2' });
  });

  it('that come from the handler are stored with its first response, for other processes too', async () => {
    const shop = site(express);
    shop.serve((_req, res) => void (tagResponse(res, 'a'), res.send('x')));
    await shop.get('/');
    const other = site(express, { redis: shop.redis, prefix: shop.prefix });
    other.serve((_req, res) => void (tagResponse(res, 'a'), res.send('y')));
    expect(await other.get('/')).toMatchObject({ cache: 'HIT', text: 'x' });
    await shop.cached.invalidateTags(['a']);
    expect(await other.get('/')).toMatchObject({ cache: 'MISS', text: 'y' });
  });

  it.each([[7], [''], Array.from({ length: 65 }, (_one, index) => `t${index}`)])(
    'keep a response out when they are no tags',
    async (...tags) => {
      const shop = site(express);
      shop.serve((_req, res) => {
        res.locals['cacheTags'] = tags;
        res.send('x');
      });
      await shop.get('/');
      expect((await shop.get('/')).cache).toBe('MISS');
    },
  );

  it('may be 64 beside the tag of the URL that the copies of users carry', async () => {
    const tags = Array.from({ length: 64 }, (_one, index) => `t${index}`);
    const path = `/${'long/'.repeat(100)}`;
    const shop = site(express, { tags, user: (req) => req.get('X-User') });
    shop.serve((_req, res) => void (tagResponse(res, 'own'), res.send(`run ${shop.runs.count}`)));
    const ann = { 'X-User': 'ann' };
    const purges = [['t0'], ['t63'], ['own']].map((list) => () => shop.cached.invalidateTags(list));
    for (const purge of [...purges, () => shop.cached.invalidate(path)]) {
      await until(async () => (await shop.get(path, ann)).cache === 'HIT');
      await purge();
      expect((await shop.get(path, ann)).cache).toBe('MISS');
    }
  });
});
