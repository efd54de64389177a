import { describe, expect, it, jest } from '@jest/globals';
import { expressVersions, keysUnder } from '@sallyport/testkit';
import { cookiesOf, openShop, sessionCookie } from './shop.js';

const https = { 'X-Forwarded-Proto': 'https', Host: 'shop.example' };

describe.each(expressVersions)('the session cookie on $name', ({ express }) => {
  it('is a Secure __Host- cookie behind a proxy that the application trusts', async () => {
    const shop = await openShop({ express, before: (app) => app.set('trust proxy', 1) });
    const response = await shop.visit.post('/log-in/ann').set(https);
    expect(cookiesOf(response)).toStrictEqual([
      expect.stringMatching(/^__Host-sid=s%3A[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
    ]);
    const cookie = sessionCookie(response);
    expect((await shop.visit.get('/').set({ ...https, Cookie: cookie })).body.userId).toBe('ann');
    const loggedOut = await shop.visit.post('/log-out').set({ ...https, Cookie: cookie });
    expect(cookiesOf(loggedOut)).toStrictEqual([
      '__Host-sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax',
    ]);
  });

  it.each(['localhost:3000', 'shop.localhost', '127.0.0.1', '[::1]:3000'])('is plain over HTTP to %s', async (host) => {
    const shop = await openShop({ express });
    const response = await shop.visit.post('/set/theme/dark').set('Host', host);
    expect(cookiesOf(response)[0]).toMatch(/^sid=s%3A[^;]+; Path=\/; HttpOnly; SameSite=Lax$/);
  });

  it('is not set, and nothing is stored, over HTTP to another host; one warning names trust proxy', async () => {
    const shop = await openShop({ express });
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    for (const host of ['shop.example', 'localhost.example', '127.0.0.1.example']) {
      const response = await shop.visit.post('/set/theme/dark').set({ ...https, Host: host });
      expect([response.status, cookiesOf(response)]).toStrictEqual([200, []]);
    }
    expect(warn.mock.calls).toStrictEqual([[expect.stringContaining("app.set('trust proxy', 1)"), 'SallyportWarning']]);
    warn.mockRestore();
    expect(await keysUnder(shop.redis, `${shop.prefix}*`)).toStrictEqual([]);
    expect(shop.events).toContainEqual({ type: 'not-saved', reason: 'insecure' });
  });

  it('fails a log-in that could not be remembered, with the mend (ERR_SESSION_COOKIE)', async () => {
    const shop = await openShop({ express });
    const response = await shop.visit.post('/log-in/ann').set('Host', 'shop.example');
    expect(response.body).toStrictEqual({
      code: 'ERR_SESSION_COOKIE',
      message: expect.stringContaining('trust proxy'),
    });
    expect(await shop.sessions.list('ann')).toStrictEqual([]);
  });

  it('is plain everywhere with cookie.secure: false', async () => {
    const shop = await openShop({ express, cookie: { secure: false } });
    const response = await shop.visit.post('/set/theme/dark').set('Host', 'shop.example');
    expect(cookiesOf(response)[0]).toMatch(/^sid=s%3A/);
  });

  it('ends with the browser by default, and with the session at the latest when persistent', async () => {
    const shop = await openShop({ express, cookie: { persistent: true }, absoluteMs: 3_600_000 });
    const browser = shop.browser();
    const first = await browser.post('/set/theme/dark');
    const expiresOf = (line = '') => Date.parse(/Expires=([^;]+)/.exec(line)?.[1] ?? '');
    const end = expiresOf(cookiesOf(first)[0]);
    expect(Math.abs(end - Date.now() - 3_600_000)).toBeLessThan(60_000);
    // A session that began an hour minus ten seconds ago: its cookie must not be prolonged by a change.
    const [key = ''] = await keysUnder(shop.redis, `${shop.prefix}*`);
    await shop.redis.hincrby(key, 'c', -3_590_000);
    await shop.redis.hincrby(key, 'e', -3_590_000);
    const later = await browser.post('/set/theme/light');
    expect(expiresOf(cookiesOf(later)[0])).toBeLessThan(Date.now() + 60_000);
  });
});
