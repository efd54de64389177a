import { createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { withOnlyCookie } from '../src/cookie-view.js';
import { idOf, openShop, secret, sessionCookie } from './shop.js';

describe('withOnlyCookie()', () => {
  it('shows one cookie while it runs, and the request as it was afterwards, also after a throw', () => {
    const cookies = { sid: 'x' };
    const req = { headers: { cookie: 'a=b; sid=x' }, cookies } as unknown as IncomingMessage & { cookies: unknown };
    for (const pair of ['sid=y', undefined]) {
      expect(() =>
        withOnlyCookie(req, pair, () => {
          expect([req.headers.cookie, req.cookies]).toStrictEqual([pair, undefined]);
          throw new Error('on the way');
        }),
      ).toThrow('on the way');
      expect([req.headers.cookie, req.cookies]).toStrictEqual(['a=b; sid=x', cookies]);
    }
  });

  it('leaves nothing behind on a request without cookies', () => {
    const req = { headers: {} } as IncomingMessage;
    withOnlyCookie(req, undefined, () => undefined);
    expect(req).toStrictEqual({ headers: {} });
  });
});

describe('a value that cookie-parser took for signed', () => {
  it('is no session id, whoever signed it and for whatever purpose', async () => {
    const shop = await openShop({
      // What cookie-parser leaves: the value of any cookie that the application signed, under the name that it came with.
      before: (app) =>
        app.use((req, _res, next) => {
          const id = String(req.headers['x-id']);
          const signature = createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '');
          Object.assign(req, { signedCookies: { sid: id }, cookies: { sid: `s:${id}.${signature}` } });
          next();
        }),
    });
    const id = idOf(sessionCookie(await shop.visit.post('/log-in/ann').set('X-Id', 'none')));
    expect(id).not.toBe('');
    const { body } = await shop.visit.get('/').set('X-Id', id).set('Cookie', 'theme=dark');
    expect(body).toStrictEqual({ userId: null, data: {} });
  });
});
