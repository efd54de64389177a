import { inspect } from 'node:util';
import { expect } from '@jest/globals';
import { startProxy, uniquePrefix, within } from '@sallyport/testkit';
import request from 'supertest';
import { cookieOf, eventsOf, expectRefusal, idIn, keysOf, logIn, look, type Line, type Shop } from './line.js';

const KEYS = [
  'an encryption key of more than 32 bytes',
  'another encryption key, also of 32 bytes',
  'a third encryption key that nobody has used',
] as const;

export const storageLines: readonly Line[] = [
  {
    line: 40,
    source: 'CS, session data repository',
    claim: 'keeps no session id in Redis, neither in a key nor in a value',
    async check(subject) {
      const shop = await subject.open();
      const first = cookieOf(await shop.visit.post('/set/theme/dark'));
      const second = cookieOf(await shop.visit.post('/log-in/ann?keep=theme').set('Cookie', first));
      await shop.visit.post('/set/a/b').set('Cookie', second);
      const keys = await keysOf(shop);
      expect(keys.length).toBeGreaterThan(0);
      for (const key of keys) {
        const dump = (await shop.redis.dumpBuffer(key))?.toString('latin1') ?? '';
        for (const id of [first, second].map(idIn)) expect(key + dump).not.toContain(id.slice(2, 12));
      }
    },
  },
  {
    line: 41,
    source: 'CS, session data repository',
    claim: 'encrypts what sessions hold, bound to its session and property',
    async check(subject) {
      const prefix = uniquePrefix('session');
      const encrypted = (...keys: string[]) => subject.open({ prefix, ...({ encryption: { keys } } as object) });
      const shop = await encrypted(KEYS[0]);
      const cookie = await logIn(shop);
      const other = await logIn(shop, 'bob');
      await shop.visit.post('/set/secret/marzipan').set('Cookie', cookie);
      await shop.visit.post('/set/secret/nougat').set('Cookie', other);
      const keys = (await keysOf(shop)).filter((key) => !key.includes(':user:'));
      for (const key of keys) {
        expect((await shop.redis.dumpBuffer(key))?.toString('latin1')).not.toMatch(/marzipan|nougat/);
      }
      expect((await look(shop, cookie)).data).toStrictEqual({ secret: 'marzipan' });
      // Rotated: the previous key still opens. Without it: anonymous, and nothing is lost.
      expect((await look(await encrypted(KEYS[1], KEYS[0]), cookie)).data).toStrictEqual({ secret: 'marzipan' });
      const without = await encrypted(KEYS[2]);
      expect(await look(without, cookie)).toStrictEqual({ userId: null, data: {} });
      expect(eventsOf(without, 'unreadable')).toHaveLength(1);
      const rotated = await encrypted(KEYS[1], KEYS[0]);
      expect((await look(rotated, cookie)).userId).toBe('ann');
      // Moved to another session, or changed by one byte: refused.
      const values = await Promise.all(keys.map((key) => shop.redis.hget(key, '.secret')));
      await shop.redis.hset(keys[0] ?? '', '.secret', values[1] ?? '');
      await shop.redis.hset(keys[1] ?? '', '.secret', `${values[1]?.slice(0, -4)}AAAA`);
      for (const stolen of [cookie, other])
        expect(await look(rotated, stolen)).toStrictEqual({ userId: null, data: {} });
    },
  },
  {
    line: 42,
    source: 'CS, logging sessions life cycle',
    claim: 'shows no session id in events, in errors or in a printed session',
    async check(subject) {
      const printed: string[] = [];
      const shop = await subject.open({
        routes: (app) =>
          app.get('/print', (req, res) => {
            printed.push(
              JSON.stringify(req.session),
              inspect(req.session, { depth: 4 }),
              inspect(req.session, { showHidden: false }),
            );
            res.json({ ok: true });
          }),
      });
      const cookie = await logIn(shop);
      expect((await shop.visit.get('/print').set('Cookie', cookie)).status).toBe(200);
      await shop.redis.unlink(...(await keysOf(shop)));
      const failed = await shop.visit.post('/set/a/b').set('Cookie', cookie);
      expect(printed).toHaveLength(3);
      // Plain express-session has no events: that is no way to show an id.
      const events = subject.name.startsWith('express-session') ? [] : shop.events;
      expect([...printed, JSON.stringify(events), failed.text].join('\n')).not.toContain(idIn(cookie).slice(2, 12));
    },
  },
  {
    line: 43,
    source: 'CS, logging sessions life cycle',
    claim: 'reports each step of a session’s life once, with its reason',
    async check(subject) {
      const shop = await subject.open();
      const first = cookieOf(await shop.visit.post('/set/a/b'));
      const second = await logIn(shop, 'ann', { Cookie: first });
      const third = await logIn(shop, 'ann');
      await shop.visit.post('/revoke-others').set('Cookie', third);
      await look(shop, second);
      await shop.visit.post('/log-out').set('Cookie', third);
      expect(shop.events.map(({ type }) => type)).toStrictEqual([
        'created',
        'logged-in',
        'logged-in',
        'revoked',
        'unknown',
        'logged-out',
      ]);
    },
  },
  {
    line: 44,
    source: 'CS, fail securely',
    claim: 'answers in time when Redis does not, and never takes a visitor for somebody or a loss for success',
    async check(subject) {
      const proxy = await startProxy();
      const shop = await subject.open({ redis: proxy.client(), ...deadline(subject) });
      const cookie = await logIn(shop);
      proxy.blackHole();
      const answers = [
        () => request(shop.url).get('/').set('Cookie', cookie).timeout(3000),
        () => request(shop.url).post('/set/a/b').set('Cookie', cookie).timeout(3000),
        () => request(shop.url).post('/set/a/b').timeout(3000),
        () => request(shop.url).post('/log-in/ann').timeout(3000),
      ].map((ask) =>
        ask().then(
          ({ status }) => status,
          () => 0,
        ),
      );
      await within(4000, Promise.all(answers));
      expect(await Promise.all(answers)).toStrictEqual([503, 503, 503, 503]);
    },
  },
  {
    line: 45,
    source: 'A 1.5.2, safe deserialization',
    claim: 'lets nothing stored reach a prototype',
    async check(subject) {
      const shop = await subject.open();
      const cookie = await logIn(shop);
      await shop.visit.post('/set/theme/dark').set('Cookie', cookie);
      await poison(shop);
      const { userId, data } = await look(shop, cookie);
      expect(userId).toBe('ann');
      expect(Object.keys(data)).toContain('theme');
      expect(Reflect.get({}, 'polluted')).toBeUndefined();
      expect(Reflect.get(() => undefined, 'polluted')).toBeUndefined();
      expect((await look(shop, cookie)).userId).toBe('ann');
    },
  },
  {
    line: 46,
    source: 'A 4.3, bounded input',
    claim: 'refuses a session that is too large before it writes, and keeps what there was',
    async check(subject) {
      const shop = await subject.open({
        routes: (app) =>
          app.post('/fill', (req, res) => {
            Reflect.set(req.session, 'big', 'x'.repeat(20_000_000));
            res.json({ ok: true });
          }),
      });
      const cookie = await logIn(shop);
      await shop.visit.post('/set/theme/dark').set('Cookie', cookie);
      expect((await shop.visit.post('/fill').set('Cookie', cookie)).status).toBe(500);
      expect(await look(shop, cookie)).toStrictEqual({ userId: 'ann', data: { theme: 'dark' } });
    },
  },
  {
    line: 47,
    source: 'A 7.1.1, A 7.1.2',
    claim: 'describes its limits and its cookie as they are',
    async check(subject) {
      const shop = await subject.open({ idleMs: 60_000, absoluteMs: 120_000, maxDeviceCount: 2 });
      const { idleMs, absoluteMs, maxDeviceCount, cookie } = shop.sessions.describe();
      expect({ idleMs, absoluteMs }).toStrictEqual({ idleMs: 60_000, absoluteMs: 120_000 });
      for (let logIns = 0; logIns < 4; logIns += 1) await logIn(shop);
      expect(await shop.sessions.list('ann')).toHaveLength(maxDeviceCount ?? 0);
      const [key = ''] = (await keysOf(shop)).filter((name) => !name.includes(':user:'));
      expect(await shop.redis.pttl(key)).toBeLessThanOrEqual(idleMs);
      const [c, e] = await shop.redis.hmget(key, 'c', 'e');
      expect(Number(e) - Number(c)).toBe(absoluteMs);
      expect(cookie).toStrictEqual({
        name: '__Host-sid',
        nameOnLoopback: 'sid',
        path: '/',
        httpOnly: true,
        secure: 'auto',
        sameSite: 'lax',
        domain: null,
        partitioned: false,
        persistent: false,
      });
    },
  },
  {
    line: 48,
    source: 'A 7.2.2',
    claim: 'does not start in production with a secret that can be guessed',
    async check(subject) {
      const before = process.env['NODE_ENV'];
      process.env['NODE_ENV'] = 'production';
      try {
        for (const secrets of [
          ['keyboard cat'],
          ['x'.repeat(40)],
          [subject.secret, 'short'],
          [subject.secret, subject.secret],
        ]) {
          await expectRefusal(subject, { secrets });
        }
      } finally {
        process.env['NODE_ENV'] = before;
      }
    },
  },
];

/** Sallyport's budget; plain express-session knows none. */
function deadline(subject: { readonly name: string }): object {
  return subject.name.startsWith('express-session') ? {} : { deadlineMs: 250 };
}

/** Writes names into the stored session that would reach a prototype if they were assigned. */
async function poison(shop: Shop): Promise<void> {
  const value = '{"polluted":true,"__proto__":{"polluted":true}}';
  for (const key of (await keysOf(shop)).filter((name) => !name.includes(':user:'))) {
    if ((await shop.redis.type(key)) === 'hash') {
      await shop.redis.hset(key, '.__proto__', value, '.constructor', `{"prototype":${value}}`, '.prototype', value);
      continue;
    }
    const json = (await shop.redis.get(key)) ?? '{}';
    await shop.redis.set(
      key,
      json.replace('{', `{"__proto__":${value},"constructor":{"prototype":${value}},`),
      'KEEPTTL',
    );
  }
}
