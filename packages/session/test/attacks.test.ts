// What an attacker tries who knows the source, and in some tests the secret.

import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { countCommands, keysUnder } from '@sallyport/testkit';
import { signedValue } from './checklist/forging.js';
import { cookiesOf, idOf, openShop, secret, sessionCookie, type ShopOptions } from './shop.js';

const fixedRoutes: NonNullable<ShopOptions['routes']> = (app, sessions) => {
  app.post('/assign/:name', (req, res) => {
    const session: Record<string, unknown> = sessions.of(req);
    session[req.params.name] = { isAdmin: true, polluted: true };
    res.json({ isAdmin: Reflect.get(session, 'isAdmin') ?? null });
  });
  app.get('/admin', (req, res) => res.json({ isAdmin: Reflect.get(req.session, 'isAdmin') ?? null }));
};

describe('an attacker', () => {
  it('gets nothing from any cookie that was planted before the log-in, not even later', async () => {
    const shop = await openShop({ renewalMs: 1000 });
    const planted = sessionCookie(await shop.visit.post('/set/cart/full'));
    const victim = sessionCookie(await shop.visit.post('/log-in/ann?keep=cart').set('Cookie', planted));
    for (const path of ['/set/cart/other', '/log-out', '/set/a/b']) {
      await shop.visit.post(path).set('Cookie', planted);
      expect((await shop.visit.get('/').set('Cookie', planted)).body.userId).toBeNull();
    }
    expect((await shop.visit.get('/').set('Cookie', victim)).body).toStrictEqual({
      userId: 'ann',
      data: { cart: 'full' },
    });
  });

  it('cannot swap a session under a victim by a second cookie, in either order', async () => {
    const shop = await openShop();
    const [victim, attacker] = [
      sessionCookie(await shop.visit.post('/log-in/ann')),
      sessionCookie(await shop.visit.post('/log-in/eve')),
    ];
    for (const sent of [`${attacker}; ${victim}`, `${victim}; ${attacker}`]) {
      const response = await shop.visit.post('/set/card/1234').set('Cookie', sent);
      expect(response.status).toBe(200);
    }
    for (const cookie of [victim, attacker]) {
      expect((await shop.visit.get('/').set('Cookie', cookie)).body.data).toStrictEqual({});
    }
    expect(shop.events.filter(({ type }) => type === 'ambiguous-cookie')).toHaveLength(2);
  });

  it('makes the server check at most eight cookies, however many a header holds', async () => {
    const shop = await openShop();
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const forged = (count: number) =>
      Array.from({ length: count }, (_, index) => `sid=s%3A${index}.${'A'.repeat(43)}`).join('; ');
    expect((await shop.visit.get('/').set('Cookie', `${forged(7)}; ${cookie}`)).body.userId).toBe('ann');
    expect((await shop.visit.get('/').set('Cookie', `${forged(200)}; ${cookie}`)).body.userId).toBeNull();
  });

  it('cannot choose a key, a slot or a header line by an id, even with the secret', async () => {
    const shop = await openShop();
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const ids = [
      idOf(cookie).slice(0, 33),
      `${idOf(cookie)}A`,
      `{x}${idOf(cookie).slice(3)}`,
      `${idOf(cookie).slice(0, 2)}user:ann`.padEnd(34, 'a'),
      `AB${'A'.repeat(22)}~1~${'B'.repeat(32)}`,
      `AB${'A'.repeat(22)}~0~${'B'.repeat(32)}`,
      `AB${'A'.repeat(22)}~99999999999~${'B'.repeat(32)}`,
      `AB~${'../'.repeat(10)}`,
      `AB~${'a'.repeat(22)}\r\nSet-Cookie: x=y`,
    ];
    for (const id of ids) {
      const response = await shop.visit.post('/set/a/b').set('Cookie', `sid=${signedValue(id, secret)}`);
      expect({ id, status: response.status, count: cookiesOf(response).length }).toStrictEqual({
        id,
        status: 200,
        count: 1,
      });
      expect(idOf(sessionCookie(response))).toMatch(/^[\w-]{34}$/);
      expect(response.headers).not.toHaveProperty('x');
    }
    for (const key of await keysUnder(shop.redis, `${shop.prefix}*`)) {
      expect(key.slice(shop.prefix.length)).toMatch(/^\{[\w-]{2}\}:(?:[\w-]{22}|user:ann)$/);
    }
  });

  it('cannot name a user that becomes another key, prefix or slot', async () => {
    const shop = await openShop({
      routes: (app, sessions) =>
        app.post('/in', (req, res, next) => {
          sessions.logIn(req, String(req.headers['x-user'])).then(() => res.json({ ok: true }), next);
        }),
    });
    const users = ['ann', 'ann:x', '{x}', '}{', '*', 'a b', '%', '~', '..', 'user:ann', 'AB}:user:bob'];
    for (const user of users) await shop.visit.post('/in').set('X-User', user);
    for (const user of users) expect(await shop.sessions.list(user)).toHaveLength(1);
    for (const key of await keysUnder(shop.redis, `${shop.prefix}*`)) {
      expect(key.slice(shop.prefix.length)).toMatch(/^\{[\w-]{2}\}:[^{}\s]+$/);
    }
  });

  it('reaches no prototype, and leaves no request without an answer, by a name of a property', async () => {
    const shop = await openShop({ routes: fixedRoutes });
    const other = sessionCookie(await shop.visit.post('/log-in/bob'));
    const names = [
      '__proto__',
      'constructor',
      'prototype',
      'toString',
      'toJSON',
      'valueOf',
      'hasOwnProperty',
      'userId',
    ];
    names.push('save', 'reload', 'destroy', 'regenerate', 'touch', 'resetMaxAge', 'update', 'cookie', 'req', 'id');
    for (const name of names) {
      const cookie = sessionCookie(await shop.visit.post('/log-in/eve'));
      const answers = [
        await shop.visit.post(`/assign/${name}`).set('Cookie', cookie).timeout(5000),
        await shop.visit.get('/admin').set('Cookie', cookie).timeout(5000),
        await shop.visit.get('/admin').set('Cookie', other),
      ];
      expect({ name, after: answers.map(({ body }) => body.isAdmin ?? null) }).toStrictEqual({
        name,
        after: [null, null, null],
      });
      // Set by nobody but us, with all attributes.
      for (const line of answers.flatMap(cookiesOf)) expect(line).toMatch(/; HttpOnly; SameSite=Lax$/);
      expect([Reflect.get({}, 'polluted'), Reflect.get(() => 0, 'polluted')]).toStrictEqual([undefined, undefined]);
    }
  });

  it('who guesses device ids of others ends none of their sessions', async () => {
    const shop = await openShop();
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const [device] = await shop.sessions.list('ann');
    const deviceId = device?.deviceId ?? '';
    const guesses = [deviceId.slice(0, 21), `${deviceId}x`, '', '*', `${deviceId.slice(0, 20)}\r\n`];
    for (const guess of guesses) expect(await shop.sessions.revoke('ann', guess)).toBe(false);
    expect(await shop.sessions.revoke('eve', deviceId)).toBe(false);
    expect((await shop.visit.get('/').set('Cookie', cookie)).body.userId).toBe('ann');
  });

  it('learns no id from errors, events, statistics or settings', async () => {
    const errors: unknown[] = [];
    const shop = await openShop({
      routes: (app, sessions) => {
        app.post('/fail/:how', async (req, res) => {
          const { how } = req.params;
          if (how === 'big') Reflect.set(req.session, 'n', 10n);
          if (how === 'gone') await sessions.revokeAll('ann');
          Reflect.set(req.session, 'x', how);
          await req.session.save().catch((error: unknown) => errors.push(error));
          res.json({ ok: true });
        });
      },
    });
    const cookies: string[] = [];
    for (const how of ['big', 'gone']) {
      const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
      cookies.push(cookie);
      await shop.visit.post(`/fail/${how}`).set('Cookie', cookie);
    }
    expect(errors).toHaveLength(2);
    const text = inspect([errors, shop.events, shop.sessions.stats(), shop.sessions.describe()], { depth: 9 });
    for (const cookie of cookies) expect(text).not.toContain(idOf(cookie).slice(2, 14));
    expect(text).not.toContain(secret.slice(0, 12));
  });

  it('costs Redis nothing by forged cookies, and no more than one command each by cookies of dead sessions', async () => {
    const shop = await openShop();
    const dead = sessionCookie(await shop.visit.post('/log-in/ann'));
    await shop.sessions.revokeAll('ann');
    const { total } = await countCommands(shop.redis, async () => {
      for (let times = 0; times < 10; times += 1) {
        await shop.visit.get('/').set('Cookie', `sid=s%3A${'A'.repeat(34)}.${'B'.repeat(43)}`);
      }
      for (let times = 0; times < 5; times += 1) await shop.visit.get('/').set('Cookie', dead);
    });
    expect(total).toBe(5);
  });
});

describe('the cookie of a session that has ended elsewhere', () => {
  it('is cleared on navigations and for programs, not by a script that a log-in may have overtaken', async () => {
    const shop = await openShop();
    const dead = sessionCookie(await shop.visit.post('/log-in/ann'));
    await shop.sessions.revokeAll('ann');
    const clears = async (headers: Record<string, string>) =>
      cookiesOf(await shop.visit.get('/').set('Cookie', dead).set(headers)).some((line) => line.startsWith('sid=;'));
    expect(await clears({})).toBe(true);
    expect(await clears({ 'Sec-Fetch-Mode': 'navigate' })).toBe(true);
    for (const mode of ['cors', 'no-cors', 'same-origin', 'websocket']) {
      expect(await clears({ 'Sec-Fetch-Mode': mode })).toBe(false);
    }
  });
});
