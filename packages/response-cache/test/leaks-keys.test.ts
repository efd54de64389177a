import { describe, expect, it } from '@jest/globals';
import { expressVersions } from '@sallyport/testkit';
import { site } from './fixture.js';

describe.each(expressVersions)('keys hold all that a response is made of, on $name', ({ express }) => {
  describe('strict mode', () => {
    it.each(['X-Forwarded-Host', 'X-Original-URL', 'User-Agent', 'Accept-Language', 'X-Forwarded-For', 'Forwarded'])(
      'hides %s from the handler, so that it poisons nothing',
      async (name) => {
        const shop = site(express, { strict: true });
        shop.serve((req, res) => void res.send(`${req.get(name)} ${req.rawHeaders.includes(name)}`));
        expect((await shop.get('/', { [name]: 'evil' })).text).toBe('undefined false');
        expect(await shop.get('/')).toMatchObject({ cache: 'HIT', text: 'undefined false' });
      },
    );

    it('shows the headers of the vary option, each value in a variant of its own', async () => {
      const shop = site(express, { strict: true, vary: ['Accept-Language'] });
      shop.serve((req, res) => void res.send(req.get('accept-language')));
      for (const language of ['de', 'en', 'de']) {
        expect((await shop.get('/', { 'Accept-Language': language })).text).toBe(language);
      }
      expect(shop.runs.count).toBe(2);
    });

    it('shows credentials to the handler of a personal request, and stores nothing of it, public or not', async () => {
      const shop = site(express, { strict: true });
      shop.serve((req, res) => void res.set('Cache-Control', 'public').send(String(req.get('authorization'))));
      expect(await shop.get('/', { Authorization: 'Bearer a' })).toMatchObject({ cache: 'BYPASS', text: 'Bearer a' });
      expect(await shop.get('/')).toMatchObject({ cache: 'MISS', text: 'undefined' });
    });

    it('shows credentials where the key holds the user', async () => {
      const shop = site(express, { strict: true, user: (req) => req.get('authorization') });
      shop.serve((req, res) => void res.send(String(req.get('authorization'))));
      for (const user of ['a', 'b', 'a']) expect((await shop.get('/', { Authorization: user })).text).toBe(user);
      expect(shop.runs.count).toBe(2);
    });

    it('gives the headers back when the head is written, for logs', async () => {
      let seen: unknown;
      const shop = site(express, { strict: true });
      const log = (
        req: Parameters<Parameters<typeof shop.serve>[0]>[0],
        res: NodeJS.EventEmitter,
        next: () => void,
      ) => {
        res.once('finish', () => (seen = [req.headers['user-agent'], req.rawHeaders.includes('User-Agent')]));
        next();
      };
      shop.serve((_req, res) => void res.send('x'), { before: [log] });
      await shop.get('/', { 'User-Agent': 'test' });
      expect(seen).toStrictEqual(['test', true]);
    });
  });

  describe('parameters that are ignored', () => {
    it('take part in neither the key nor the response', async () => {
      const shop = site(express, { ignoreParameters: ['utm_*', 'fbclid'] });
      shop.serve((req, res) => void res.send(JSON.stringify([req.query, req.url, req.originalUrl])));
      const expected = JSON.stringify([{ id: '1' }, '/p?id=1', '/p?id=1']);
      expect((await shop.get('/p?utm_source=%3Cscript%3E&id=1')).text).toBe(expected);
      expect(await shop.get('/p?id=1&fbclid=x')).toMatchObject({ cache: 'HIT', text: expected });
      expect((await shop.get('/p?id=2')).cache).toBe('MISS');
    });

    it('make no difference to invalidate()', async () => {
      const shop = site(express, { ignoreParameters: ['utm_*'] });
      shop.serve((_req, res) => void res.send('x'));
      await shop.get('/p?id=1&utm_id=2');
      expect(await shop.cached.invalidate('/p?utm_source=a&id=1')).toBe(1);
    });
  });

  describe('paths', () => {
    it('are equal where RFC 3986 has them for equal, and no further (RFC 3986 §6.2.2)', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.send('x'));
      await shop.get('/%7euser');
      expect((await shop.get('/~user')).cache).toBe('HIT');
      for (const path of ['/~user/', '/~User', '/%2f~user', '//~user'])
        expect((await shop.get(path)).cache).toBe('MISS');
    });
  });

  describe('hosts', () => {
    it('other than those configured are left to the handler', async () => {
      const shop = site(express, { hosts: ['shop.example'] });
      shop.serve((req, res) => void res.send(req.hostname));
      await shop.get('/', { Host: 'Shop.Example' });
      expect((await shop.get('/', { Host: 'shop.example' })).cache).toBe('HIT');
      expect((await shop.get('/', { Host: 'evil.example' })).cache).toBe('BYPASS');
    });
  });

  describe('cache deception', () => {
    it.each([
      '/account/x.css',
      '/account/x.JS',
      '/account;x.png',
      '/account/x.css%3fy',
      '/account/a.ico?b=1',
      '/x.woff2;a',
    ])('is refused: a page under %s is not stored', async (path) => {
      const shop = site(express);
      shop.serve((_req, res) => void res.set('Cache-Control', 'public').type('html').send('<p>account</p>'));
      await shop.get(path);
      expect((await shop.get(path)).cache).toBe('BYPASS');
      expect(shop.reasons()).toStrictEqual(['suffix', 'suffix']);
    });

    it.each([
      ['/x.css', 'text/css'],
      ['/x.png', 'image/png'],
      ['/x.json', 'application/json'],
      ['/x.html', 'text/html'],
    ])('does not stand in the way of %s as %s', async (path, type) => {
      const shop = site(express);
      shop.serve((_req, res) => void res.type(type).send('x'));
      await shop.get(path);
      expect((await shop.get(path)).cache).toBe('HIT');
    });
  });
});
