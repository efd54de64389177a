import { expect } from '@jest/globals';
import { countCommands } from '@sallyport/testkit';
import { signedCookie } from './forging.js';
import { cookieOf, eventsOf, expectRefusal, idIn, keysOf, logIn, look, type Line } from './line.js';

export const identifierLines: readonly Line[] = [
  {
    line: 1,
    source: 'A 7.2.3',
    claim: 'makes ids of at least 128 random bits, and refuses weaker ones of the application',
    async check(subject) {
      const ids = subject.createIds(100_000);
      expect(new Set(ids).size).toBe(100_000);
      const shortest = Math.min(...ids.map((id) => Buffer.from(id, 'base64url').length));
      expect(shortest).toBeGreaterThanOrEqual(16);
      // Every character varies: no counter, no clock, no process id.
      for (let place = 0; place < (ids[0]?.length ?? 0); place += 1) {
        expect(new Set(ids.slice(0, 10_000).map((id) => id[place])).size).toBe(64);
      }
      await expectWeakIdsRefused(subject);
    },
  },
  {
    line: 2,
    source: 'CS, session id content',
    claim: 'makes ids that tell nothing of their user',
    async check(subject) {
      const shop = await subject.open();
      const [one, two] = [idIn(await logIn(shop, 'ann@example.org')), idIn(await logIn(shop, 'ann@example.org'))];
      const same = one.split('').filter((character, index) => index >= 2 && character === two[index]);
      expect(one).not.toBe('');
      expect(same.length).toBeLessThanOrEqual(6);
      for (const id of [one, two]) {
        expect(Buffer.from(id, 'base64url').toString('latin1') + id).not.toMatch(/ann|example/i);
      }
    },
  },
  {
    line: 3,
    source: 'CS, strict session management',
    claim: 'never adopts an id that it did not issue, and reports one',
    async check(subject) {
      const shop = await subject.open();
      const [never = ''] = subject.createIds(1);
      for (const sent of [signedCookie(shop, never, subject.secret), `${await cookieName(shop)}=${never}`]) {
        const given = idIn(cookieOf(await shop.visit.post('/set/theme/dark').set('Cookie', sent)));
        expect(given).not.toBe('');
        expect(given).not.toBe(never);
        expect((await look(shop, sent)).data).toStrictEqual({});
      }
      expect((await keysOf(shop)).join()).not.toContain(never);
      expect(eventsOf(shop, 'unknown').length).toBeGreaterThan(0);
    },
  },
  {
    line: 4,
    source: 'CS, session id as untrusted input',
    claim: 'asks Redis nothing for an id of a form that it never makes, even a signed one',
    async check(subject) {
      const shop = await subject.open();
      await shop.visit.get('/');
      const bad = [
        'a\r\nb',
        'a\0b',
        '*',
        '{}',
        '[a-z]*',
        'x'.repeat(10_000),
        'é'.repeat(34),
        '../..',
        '',
        ' '.repeat(34),
      ];
      const { total } = await countCommands(shop.redis, async () => {
        for (const id of bad) {
          const response = await shop.visit.get('/').set('Cookie', signedCookie(shop, id, subject.secret));
          expect({ id, status: response.status, data: response.body.data }).toStrictEqual({
            id,
            status: 200,
            data: {},
          });
        }
      });
      expect(total).toBe(0);
    },
  },
  {
    line: 5,
    source: 'CS, session id exchange mechanisms',
    claim: 'takes an id from the cookie only',
    async check(subject) {
      const shop = await subject.open();
      const cookie = await logIn(shop);
      const [name = '', value = ''] = cookie.split('=');
      const ask = shop.visit.post(`/set/a/b?${name}=${value}&sessionID=${value}`).send({ [name]: value, sid: value });
      const response = await ask.set('X-Session-Id', value).set('Authorization', `Bearer ${value}`);
      expect(idIn(cookieOf(response))).not.toBe(idIn(cookie));
      expect((await look(shop, cookieOf(response))).userId).toBeNull();
      expect((await look(shop, cookie)).userId).toBe('ann');
    },
  },
  {
    line: 6,
    source: 'CS, session id name fingerprinting',
    claim: 'names its cookie so that it does not name the framework',
    async check(subject) {
      const shop = await subject.open();
      expect(cookieOf(await shop.visit.post('/set/a/b'))).toMatch(/^(?:__Host-)?(?:sid|id)=/);
    },
  },
  {
    line: 7,
    source: 'A 7.2.1',
    claim: 'believes a cookie only after a signature compared in constant time',
    async check(subject) {
      const shop = await subject.open();
      const cookie = await logIn(shop);
      const { total } = await countCommands(shop.redis, async () => {
        const dot = cookie.lastIndexOf('.');
        for (let place = cookie.indexOf('s%3A') + 4; place < cookie.length; place += place < dot ? 5 : 7) {
          const other = cookie[place] === 'A' ? 'B' : 'A';
          const forged = cookie.slice(0, place) + other + cookie.slice(place + 1);
          expect(await look(shop, forged)).toStrictEqual({ userId: null, data: {} });
        }
        for (const cut of [
          cookie.slice(0, dot),
          cookie.slice(0, dot + 1),
          `${cookie.slice(0, dot)}.${'A'.repeat(43)}`,
        ]) {
          expect(await look(shop, cut)).toStrictEqual({ userId: null, data: {} });
        }
      });
      expect(total).toBe(0);
      // Comparing hashes of both sides tells a clock nothing either: that is how cookie-signature 1.0 does it.
      expect(subject.signatureSource).toMatch(/timingSafeEqual\(|sha1\(mac\) == sha1\(val\)/);
    },
  },
];

/** An application's own ids: too short, or one id for all. Refused at start, or never given to a browser. */
async function expectWeakIdsRefused(subject: Parameters<Line['check']>[0]): Promise<void> {
  for (const genid of [() => 'abc', () => 'A'.repeat(34)]) {
    let shop;
    try {
      shop = await subject.open({ genid });
    } catch {
      await expectRefusal(subject, { genid });
      continue;
    }
    await shop.visit.post('/set/owner/first');
    const second = cookieOf(await shop.visit.post('/set/mine/second'));
    const seen = second === '' ? {} : (await look(shop, second)).data;
    expect(seen).not.toHaveProperty('owner');
    expect(idIn(second)).not.toBe('abc');
  }
}

async function cookieName(shop: Parameters<typeof look>[0]): Promise<string> {
  return cookieOf(await shop.visit.post('/set/a/b')).split('=')[0] ?? '';
}
