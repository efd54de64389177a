import { expect } from '@jest/globals';
import { until } from '@sallyport/testkit';
import { signedValue } from './forging.js';
import { cookieOf, eventsOf, logIn, look, type Line, type Subject } from './line.js';

const MAC = { 'User-Agent': 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/130.0.0.0 Safari/537.36' };
const NEWER_MAC = { 'User-Agent': 'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_1_0) Chrome/141.0.0.0 Safari/537.36' };
const LINUX = { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0' };
const from = (address: string) => ({ 'X-Forwarded-For': address });

export const abuseLines: readonly Line[] = [
  {
    line: 36,
    source: 'CS, binding the session id to other user properties',
    claim: 'notices another browser family or network, and observes, asks for a log-in or ends the session',
    async check(subject) {
      for (const policy of ['observe', 'step-up', 'end'] as const) {
        const shop = await openBound(subject, { userAgent: policy, network: policy });
        const home = { ...MAC, ...from('203.0.113.7') };
        for (const stranger of [
          { ...LINUX, ...from('203.0.113.7') },
          { ...MAC, ...from('198.51.100.7') },
        ]) {
          const cookie = await logIn(shop, 'ann', home);
          // A newer version and a neighbouring address are the same device.
          const neighbour = { ...NEWER_MAC, ...from('203.0.113.200') };
          expect((await look(shop, cookie, neighbour)).userId).toBe('ann');
          expect(await transfer(shop, cookie, neighbour)).toBe(200);
          const seen = await look(shop, cookie, stranger);
          const paid = await transfer(shop, cookie, stranger);
          const after = await look(shop, cookie, home);
          expect({ policy, seen: seen.userId, paid, after: after.userId }).toStrictEqual({
            policy,
            seen: policy === 'end' ? null : 'ann',
            paid: policy === 'observe' ? 200 : 401,
            after: policy === 'end' ? null : 'ann',
          });
        }
        expect(eventsOf(shop, 'binding-mismatch').length).toBeGreaterThanOrEqual(2);
      }
      const shop = await openBound(subject, { userAgent: 'end', network: 'end' });
      const cookie = await logIn(shop, 'ann', from('2001:db8:1:2::1'));
      expect((await look(shop, cookie, from('2001:db8:1:2:ffff::9'))).userId).toBe('ann');
      expect((await look(shop, cookie, from('2001:db8:1:3::1'))).userId).toBeNull();
    },
  },
  {
    line: 37,
    source: 'CS, session id guessing and brute force detection',
    claim: 'reports a network that tries many ids',
    async check(subject) {
      const shop = await openBound(subject, {});
      const [name = ''] = cookieOf(await shop.visit.post('/set/a/b')).split('=');
      for (const id of subject.createIds(40)) await shop.visit.get('/').set('Cookie', `${name}=s%3A${id}.forged`);
      for (const id of subject.createIds(40)) {
        const cookie = `${name}=${signedValue(id, subject.secret)}`;
        await shop.visit.get('/').set('Cookie', cookie).set(from('198.51.100.7'));
      }
      expect(eventsOf(shop, 'guessing')).toStrictEqual([
        expect.objectContaining({ ipPrefix: '127.0.0.0/24' }),
        expect.objectContaining({ ipPrefix: '198.51.100.0/24' }),
      ]);
    },
  },
  {
    line: 38,
    source: 'CS, detecting session id anomalies',
    claim: 'reports a session that is used from two networks at a time, and not one that moved',
    async check(subject) {
      const shop = await openBound(subject, {});
      const moved = await logIn(shop, 'ann', from('203.0.113.7'));
      for (const address of ['203.0.113.7', '198.51.100.7', '198.51.100.7']) await look(shop, moved, from(address));
      expect(eventsOf(shop, 'parallel-use')).toStrictEqual([]);
      const stolen = await logIn(shop, 'bob', from('203.0.113.7'));
      for (const address of ['203.0.113.7', '198.51.100.7', '203.0.113.7']) await look(shop, stolen, from(address));
      await until(() => eventsOf(shop, 'parallel-use').length > 0);
      expect(eventsOf(shop, 'parallel-use')).toStrictEqual([
        expect.objectContaining({ userId: 'bob', ipPrefixes: ['203.0.113.0/24', '198.51.100.0/24'] }),
      ]);
    },
  },
  {
    line: 39,
    source: 'CK 8.6',
    claim: 'takes the one valid of several cookies of its name, and none when there are two',
    async check(subject) {
      const shop = await subject.open();
      const [ann, eve] = [await logIn(shop), await logIn(shop, 'eve')];
      const [name = ''] = ann.split('=');
      const forged = `${name}=s%3A${subject.createIds(1)[0]}.${'A'.repeat(43)}`;
      expect((await look(shop, `${forged}; ${ann}`)).userId).toBe('ann');
      expect((await look(shop, `${ann}; ${forged}; ${name}=; ${name}`)).userId).toBe('ann');
      expect((await look(shop, `${ann}; ${ann}`)).userId).toBe('ann');
      for (const tossed of [`${ann}; ${eve}`, `${eve}; ${ann}`]) expect((await look(shop, tossed)).userId).toBeNull();
      expect(eventsOf(shop, 'ambiguous-cookie')).toHaveLength(2);
      expect((await look(shop, ann)).userId).toBe('ann');
    },
  },
];

function openBound(subject: Subject, binding: object) {
  return subject.open({
    ...({ binding } as object),
    cookie: { secure: false },
    before: (app) => app.set('trust proxy', true),
    routes: (app, sessions) =>
      app.post('/transfer', sessions.requireFresh({ maxAgeMs: 60_000 }), (_req, res) => res.json({ ok: true })),
  });
}

async function transfer(shop: Awaited<ReturnType<typeof openBound>>, cookie: string, headers: Record<string, string>) {
  return (await shop.visit.post('/transfer').set('Cookie', cookie).set(headers)).status;
}
