import { expect } from '@jest/globals';
import { deferred, until } from '@sallyport/testkit';
import { cookiesOf } from '../shop.js';
import { cookieOf, eventsOf, idIn, keysOf, logIn, look, type Line, type Shop } from './line.js';

/** How many requests are under way when a session ends; the full proof has as many as the checklist says. */
const IN_FLIGHT = process.env['SALLYPORT_TEST'] === 'full' ? 1000 : 120;

export const lifeCycleLines: readonly Line[] = [
  {
    line: 17,
    source: 'A 7.2.4',
    claim: 'gives a new id at log-in, ends the old one at once and takes along what is named only',
    async check(subject) {
      const shop = await subject.open();
      const before = cookieOf(await shop.visit.post('/set/cart/full'));
      await shop.visit.post('/set/theme/dark').set('Cookie', before);
      const after = cookieOf(await shop.visit.post('/log-in/ann?keep=cart').set('Cookie', before));
      expect(idIn(after)).not.toBe(idIn(before));
      expect(await look(shop, before)).toStrictEqual({ userId: null, data: {} });
      expect(await look(shop, after)).toStrictEqual({ userId: 'ann', data: { cart: 'full' } });
    },
  },
  {
    line: 18,
    source: 'A 7.2.4, re-authentication',
    claim: 'gives a new id at each further authentication of the same user',
    async check(subject) {
      const shop = await subject.open();
      let cookie = await logIn(shop);
      for (const _occasion of ['re-authentication', 'second factor', 'new role', 'new password']) {
        const next = cookieOf(await shop.visit.post('/log-in/ann').set('Cookie', cookie));
        expect(idIn(next)).not.toBe(idIn(cookie));
        expect((await look(shop, cookie)).userId).toBeNull();
        cookie = next;
      }
      expect((await look(shop, cookie)).userId).toBe('ann');
    },
  },
  {
    line: 19,
    source: 'CS, session fixation',
    claim: 'gives an attacker nothing who planted a cookie before the log-in',
    async check(subject) {
      const shop = await subject.open();
      const planted = cookieOf(await shop.visit.post('/set/planted/yes'));
      await logIn(shop, 'ann', { Cookie: planted });
      expect((await look(shop, planted)).userId).toBeNull();
      await shop.visit.post('/set/a/b').set('Cookie', planted);
      expect((await look(shop, planted)).userId).toBeNull();
    },
  },
  {
    line: 20,
    source: 'CS, privilege level change',
    claim: 'does not mix anonymous and authenticated data',
    async check(subject) {
      const shop = await subject.open();
      const before = cookieOf(await shop.visit.post('/set/isAdmin/true'));
      const after = await logIn(shop, 'ann', { Cookie: before });
      expect((await look(shop, after)).data).toStrictEqual({});
      const out = await shop.visit.post('/log-out').set('Cookie', after);
      expect((await look(shop, cookieOf(out) || after)).userId).toBeNull();
    },
  },
  {
    line: 21,
    source: 'A 7.3.1',
    claim: 'ends an idle session on the server, whatever the browser keeps',
    async check(subject) {
      const shop = await subject.open({ idleMs: 1000, cookie: { persistent: true } });
      const cookie = await logIn(shop);
      expect((await look(shop, cookie)).userId).toBe('ann');
      await until(async () => (await sessionKeys(shop)).length === 0, { timeoutMs: 5000 });
      expect((await look(shop, cookie)).userId).toBeNull();
    },
  },
  {
    line: 22,
    source: 'A 7.3.2',
    claim: 'ends a busy session at its absolute limit, even when the TTL in Redis says otherwise',
    async check(subject) {
      const shop = await subject.open({ idleMs: 1000, absoluteMs: 1500 });
      const start = performance.now();
      const [busy, tampered] = [await logIn(shop), await logIn(shop, 'bob')];
      const ended = until(async () => (await look(shop, busy)).userId === null, { timeoutMs: 6000, everyMs: 100 });
      for (const key of await sessionKeys(shop)) await shop.redis.persist(key);
      await ended;
      const elapsedMs = performance.now() - start;
      // Only the lower bound is the contract of a busy machine.
      expect(elapsedMs).toBeGreaterThanOrEqual(1400);
      for (const key of await sessionKeys(shop)) await shop.redis.persist(key);
      await until(async () => (await look(shop, tampered)).userId === null, { everyMs: 50 });
    },
  },
  {
    line: 23,
    source: 'CS, renewal timeout',
    claim: 'renews the id of a living session without losing a parallel request, and reports a late use of the old id',
    async check(subject) {
      const shop = await subject.open({ idleMs: 60_000, ...renewal });
      const first = await logIn(shop);
      let second = '';
      await until(async () => (second = cookieOf(await shop.visit.get('/').set('Cookie', first))) !== '', {
        timeoutMs: 8000,
        everyMs: 100,
      });
      expect(idIn(second)).not.toBe(idIn(first));
      const parallel = await Promise.all(Array.from({ length: 20 }, () => look(shop, first)));
      expect(parallel.map(({ userId }) => userId)).toStrictEqual(Array.from({ length: 20 }, () => 'ann'));
      expect((await look(shop, second)).userId).toBe('ann');
      await until(async () => (await look(shop, first)).userId === null, { timeoutMs: 8000, everyMs: 100 });
      expect(eventsOf(shop, 'replay').length).toBeGreaterThan(0);
    },
  },
  {
    line: 24,
    source: 'A 7.4.1',
    claim: 'keeps a logged-out session ended, whatever readers and writers were under way',
    async check(subject) {
      const gate = deferred();
      let arrived = 0;
      const shop = await subject.open({
        routes: (app) =>
          app.post('/slow/:kind', async (req, res) => {
            arrived += 1;
            await gate.promise;
            if (req.params.kind === 'write') Reflect.set(req.session, `n${Math.random()}`, 'late');
            if (req.params.kind === 'touch') req.session.touch();
            res.json({ ok: true });
          }),
      });
      const cookie = await logIn(shop);
      const kinds = ['read', 'write', 'touch'];
      const pending = Array.from({ length: IN_FLIGHT }, (_, index) =>
        shop.visit
          .post(`/slow/${kinds[index % 3]}`)
          .set('Cookie', cookie)
          .then((response) => response),
      );
      await until(() => arrived === IN_FLIGHT, { timeoutMs: 15_000 });
      await shop.visit.post('/log-out').set('Cookie', cookie);
      gate.resolve();
      await Promise.all(pending);
      expect((await look(shop, cookie)).userId).toBeNull();
    },
  },
  {
    line: 25,
    source: 'CS, session expiration',
    claim: 'clears the cookie at log-out with the attributes that it was set with',
    async check(subject) {
      const shop = await subject.open();
      const [set = ''] = cookiesOf(await shop.visit.post('/log-in/ann'));
      const [cleared = ''] = cookiesOf(await shop.visit.post('/log-out').set('Cookie', set.split(';')[0] ?? ''));
      expect(cleared).toMatch(/^[\w-]+=;/);
      expect(Date.parse(/Expires=([^;]+)/.exec(cleared)?.[1] ?? '')).toBeLessThan(Date.now());
      const attributes = (line: string) =>
        line
          .split('; ')
          .slice(1)
          .filter((each) => !each.startsWith('Expires='))
          .toSorted();
      expect(attributes(cleared)).toStrictEqual(attributes(set));
    },
  },
  {
    line: 26,
    source: 'CS, automatic session expiration',
    claim: 'clears the cookie of a session that has expired',
    async check(subject) {
      const shop = await subject.open();
      const cookie = await logIn(shop);
      await shop.redis.unlink(...(await sessionKeys(shop)));
      const [cleared = ''] = cookiesOf(await shop.visit.get('/').set('Cookie', cookie));
      expect(cleared.startsWith(`${cookie.split('=')[0]}=;`)).toBe(true);
    },
  },
  {
    line: 27,
    source: 'CS, idle timeout',
    claim: 'does not extend the idle time on requests that are none of the user’s doing',
    async check(subject) {
      const shop = await subject.open({
        ...passive('/poll'),
        routes: (app) => app.get('/poll', (req, res) => res.json({ userId: req.session.userId ?? null })),
      });
      const cookie = await logIn(shop);
      const [key = ''] = await sessionKeys(shop);
      await shop.redis.pexpire(key, 5000);
      expect((await shop.visit.get('/poll').set('Cookie', cookie)).body).toStrictEqual({ userId: 'ann' });
      expect(await shop.redis.pttl(key)).toBeLessThanOrEqual(5000);
      await look(shop, cookie);
      expect(await shop.redis.pttl(key)).toBeGreaterThan(5000);
    },
  },
  {
    line: 28,
    source: 'CS, session floods',
    claim: 'stores nothing for visitors who leave nothing',
    async check(subject) {
      const shop = await subject.open();
      for (let visits = 0; visits < 1000; visits += 100) {
        const responses = await Promise.all(Array.from({ length: 100 }, () => shop.visit.get('/')));
        expect(responses.flatMap(cookiesOf)).toStrictEqual([]);
      }
      expect(await keysOf(shop)).toStrictEqual([]);
    },
  },
];

/** Options of the renewal of ids. */
const renewal = { renewalMs: 1000, renewalGraceMs: 1000, onReplay: 'refuse' } as object;

/** The option that tells which requests are no activity. */
function passive(path: string): object {
  return { touch: (req: { path: string }) => req.path !== path };
}

async function sessionKeys(shop: Shop): Promise<string[]> {
  return (await keysOf(shop)).filter((key) => !key.includes(':user:'));
}
