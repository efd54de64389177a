import { describe, expect, it } from '@jest/globals';
import { expressVersions } from '@sallyport/testkit';
import type { Request, RequestHandler } from 'express';
import { site } from './fixture.js';
import { session, visitorCookie } from './layers.js';

/** Answers with who the handler thinks is asking. */
const whoAmI: RequestHandler = (req, res) => {
  const { session } = req as Request & { session?: { name?: string } };
  res.json({ for: req.headers.authorization ?? req.headers.cookie ?? session?.name ?? 'anyone' });
};
const publicly =
  (handler: RequestHandler, cacheControl = 'public'): RequestHandler =>
  (req, res, next) => {
    res.set('Cache-Control', cacheControl);
    return handler(req, res, next);
  };

describe.each(expressVersions)('what is for one client never reaches another, on $name', ({ express }) => {
  describe('credentials', () => {
    it('stores no response to a request with Authorization (RFC 9111 §3.5)', async () => {
      const shop = site(express);
      shop.serve(whoAmI);
      const mine = await shop.get('/', { Authorization: 'Bearer mine' });
      expect(mine).toMatchObject({ cache: 'BYPASS', text: '{"for":"Bearer mine"}' });
      expect(await shop.get('/')).toMatchObject({ cache: 'MISS', text: '{"for":"anyone"}' });
      expect(shop.reasons()).toStrictEqual(['personal']);
    });

    it("gives a request with Authorization its own response and not everyone's (RFC 9111 §3.5)", async () => {
      const shop = site(express);
      shop.serve(whoAmI);
      await shop.get('/');
      const mine = await shop.get('/', { Authorization: 'Bearer mine' });
      expect(mine).toMatchObject({ cache: 'BYPASS', text: '{"for":"Bearer mine"}' });
    });

    it.each(['public', 's-maxage=30', 'Public, max-age=5'])(
      'shares a response to a request with Authorization that says "%s" (RFC 9111 §3.5)',
      async (cacheControl) => {
        const shop = site(express);
        shop.serve(publicly((_req, res) => void res.send('catalogue'), cacheControl));
        expect(await shop.get('/', { Authorization: 'Bearer mine' })).toMatchObject({ cache: 'MISS' });
        expect(await shop.get('/', { Authorization: 'Bearer yours' })).toMatchObject({
          cache: 'HIT',
          text: 'catalogue',
        });
        expect(await shop.get('/')).toMatchObject({ cache: 'HIT' });
      },
    );

    it('does not take must-revalidate alone for a permission to share', async () => {
      const shop = site(express);
      shop.serve(publicly(whoAmI, 'must-revalidate, max-age=60'));
      await shop.get('/', { Authorization: 'Bearer mine' });
      expect(shop.reasons()).toStrictEqual(['personal']);
    });
  });

  describe('cookies', () => {
    it('neither stores a response to a request with a cookie nor answers one from the store', async () => {
      const shop = site(express);
      shop.serve(whoAmI);
      expect(await shop.get('/', { Cookie: 'jwt=mine' })).toMatchObject({
        cache: 'BYPASS',
        text: '{"for":"jwt=mine"}',
      });
      expect(await shop.get('/')).toMatchObject({ cache: 'MISS', text: '{"for":"anyone"}' });
      expect(await shop.get('/', { Cookie: 'jwt=yours' })).toMatchObject({
        cache: 'BYPASS',
        text: '{"for":"jwt=yours"}',
      });
    });

    it('serves from the store in spite of cookies that are ignored, and of no others', async () => {
      const shop = site(express, { ignoreCookies: ['_ga*', 'theme'] });
      shop.serve((_req, res) => void res.send('page'));
      expect(await shop.get('/', { Cookie: '_ga=1; _ga_XY=2; theme=dark' })).toMatchObject({ cache: 'MISS' });
      expect(await shop.get('/', { Cookie: 'theme=light' })).toMatchObject({ cache: 'HIT' });
      expect(await shop.get('/', { Cookie: 'theme=light; themes=x' })).toMatchObject({ cache: 'BYPASS' });
      expect(await shop.get('/', { Cookie: 'Theme=light' })).toMatchObject({ cache: 'BYPASS' });
    });
  });

  describe('sessions and users', () => {
    it('stores no response to a session with data', async () => {
      const shop = site(express, { ignoreCookies: ['*'] });
      shop.serve(whoAmI, { before: [session({ name: 'Ada' })] });
      expect(await shop.get('/')).toMatchObject({ cache: 'BYPASS', text: '{"for":"Ada"}' });
      expect(shop.reasons()).toStrictEqual(['personal']);
    });

    it('stores the response to a session without data, which is nobody', async () => {
      const shop = site(express);
      shop.serve(whoAmI, { before: [session()] });
      await shop.get('/');
      expect(await shop.get('/')).toMatchObject({ cache: 'HIT' });
    });

    it('stores no response whose handler begins a session', async () => {
      const shop = site(express);
      const logIn: RequestHandler = (req, res) => {
        Object.assign((req as Request & { session: object }).session, { name: 'Ada' });
        res.send('welcome, Ada');
      };
      shop.serve(logIn, { before: [session()] });
      expect(await shop.get('/')).toMatchObject({ cache: 'BYPASS' });
      expect(await shop.get('/')).toMatchObject({ cache: 'BYPASS' });
    });

    it('stores no response to a request with a user', async () => {
      const shop = site(express);
      const authenticate: RequestHandler = (req, _res, next) => {
        Object.assign(req, { user: { id: 7 } });
        next();
      };
      shop.serve(whoAmI, { before: [authenticate] });
      await shop.get('/');
      expect(shop.reasons()).toStrictEqual(['personal']);
    });

    it('shares what is public with sessions, without the cookie of the one it was made for', async () => {
      const shop = site(express);
      shop.serve(
        publicly((_req, res) => void res.send('catalogue')),
        { before: [session({ name: 'Ada' })] },
      );
      expect(await shop.get('/')).toMatchObject({ cache: 'MISS' });
      const { responses = [] } = (await shop.cached.get('/')) ?? {};
      expect(JSON.stringify(responses)).not.toContain('secret');
      expect(await shop.get('/')).toMatchObject({ cache: 'HIT', text: 'catalogue' });
    });

    it('stores nothing when a layer in front sets a cookie as the head is written', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.send('page'), { before: [visitorCookie] });
      await shop.get('/');
      await shop.get('/');
      expect(shop.runs.count).toBe(2);
      expect(shop.reasons()).toStrictEqual(['set-cookie', 'set-cookie']);
    });
  });

  describe('Set-Cookie', () => {
    const cookie = 'sid=secret; Path=/';
    const ways: Record<string, RequestHandler> = {
      setHeader: (_req, res) => res.setHeader('Set-Cookie', cookie).end('x'),
      'res.cookie': (_req, res) => void res.cookie('sid', 'secret').send('x'),
      appendHeader: (_req, res) => res.appendHeader('set-cookie', cookie).end('x'),
      'writeHead with an object': (_req, res) => res.writeHead(200, { 'Set-Cookie': cookie }).end('x'),
      'writeHead with a list of values': (_req, res) => res.writeHead(200, { 'set-cookie': [cookie, 'b=2'] }).end('x'),
      'writeHead with a reason and an object': (_req, res) =>
        res.writeHead(200, 'Fine', { 'SET-COOKIE': cookie }).end('x'),
      'writeHead with an array': (_req, res) => res.writeHead(200, ['Set-Cookie', cookie, 'X-Other', '1']).end('x'),
      'writeHead with an array of pairs': (_req, res) =>
        (res.writeHead as (status: number, pairs: unknown) => typeof res)(200, [['Set-Cookie', cookie]]).end('x'),
    };
    it.each(Object.keys(ways))('keeps a response out of the store that sets a cookie by %s', async (way) => {
      const shop = site(express);
      // Without any header set before, `getHeaders()` knows nothing of those that are given to `writeHead`.
      shop.app.disable('x-powered-by');
      shop.serve(publicly(ways[way] ?? (() => undefined), 'public'));
      const first = await shop.get('/');
      expect(String(first.headers['set-cookie'])).toContain('sid=secret');
      expect(first.cache).toBe('BYPASS');
      await shop.get('/');
      expect(shop.runs.count).toBe(2);
      expect(shop.reasons()).toStrictEqual(['set-cookie', 'set-cookie']);
    });

    it('also when no header at all was set before writeHead', async () => {
      const shop = site(express);
      shop.app.disable('x-powered-by');
      shop.serve((_req, res) => {
        for (const name of res.getHeaderNames()) if (name !== 'x-cache') res.removeHeader(name);
        res.writeHead(200, { 'Set-Cookie': cookie }).end('x');
      });
      expect(await shop.get('/')).toMatchObject({ cache: 'BYPASS' });
    });
  });

  describe('with the user option', () => {
    const user = (req: Request) => req.headers['x-user'] as string | undefined;

    it('keeps a copy for each user', async () => {
      const shop = site(express, { user });
      shop.serve((req, res) => void res.send(`for ${String(req.headers['x-user'])}`));
      for (const name of ['ada', 'bob']) {
        const headers = { 'X-User': name, Authorization: `Bearer ${name}` };
        expect(await shop.get('/me', headers)).toMatchObject({ cache: 'MISS', text: `for ${name}` });
        expect(await shop.get('/me', headers)).toMatchObject({ cache: 'HIT', text: `for ${name}` });
      }
      expect(await shop.get('/me')).toMatchObject({ cache: 'MISS', text: 'for undefined' });
    });

    it('tells apart users and keys that are made to look alike', async () => {
      const shop = site(express, { user, key: (req) => decodeURIComponent(req.originalUrl.slice(1)) || '/' });
      shop.serve((req, res) => void res.send(`${String(req.headers['x-user'])} at ${req.originalUrl}`));
      const texts = new Set<string>();
      const lookalikes = [
        ['/b%20c', 'a'],
        ['/c', 'a b'],
        ['/c', 'a%20b'],
        ['/USER%20a%20b', undefined],
        ['/b', 'a'],
      ] as const;
      for (const [path, name] of lookalikes) {
        const answer = await shop.get(path, name === undefined ? {} : { 'X-User': name });
        expect(answer.cache).toBe('MISS');
        texts.add(answer.text);
      }
      expect(texts.size).toBe(lookalikes.length);
    });

    it('still stores nothing that is private (RFC 9111 §5.2.2.7)', async () => {
      const shop = site(express, { user });
      shop.serve(publicly(whoAmI, 'private'));
      await shop.get('/', { 'X-User': 'ada' });
      expect(shop.reasons()).toStrictEqual(['private']);
    });
  });
});
