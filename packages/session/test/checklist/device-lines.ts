import { expect } from '@jest/globals';
import { behindTls, eventsOf, idIn, keysOf, logIn, look, type Line, type Shop } from './line.js';

const MAC = { 'User-Agent': 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/130.0.0.0 Safari/537.36' };

export const deviceLines: readonly Line[] = [
  {
    line: 29,
    source: 'A 7.1.2',
    claim: 'holds a cap of sessions per user by each of its policies, also under concurrent log-ins',
    async check(subject) {
      for (const policy of ['evict-oldest', 'evict-idlest', 'refuse']) {
        const shop = await subject.open(cap(5, policy));
        await Promise.all(Array.from({ length: 25 }, () => shop.visit.post('/log-in/ann')));
        expect(await shop.sessions.list('ann')).toHaveLength(5);
        const next = await shop.visit.post('/log-in/ann');
        expect({ policy, isRefused: next.status >= 400 }).toStrictEqual({ policy, isRefused: policy === 'refuse' });
        expect(await shop.sessions.list('ann')).toHaveLength(5);
      }
    },
  },
  {
    line: 30,
    source: 'A 7.5.2',
    claim: 'shows users their sessions, and nothing that could be used as one',
    async check(subject) {
      const shop = await subject.open({ before: (app) => app.set('trust proxy', true), cookie: { secure: false } });
      const cookie = await logIn(shop, 'ann', { ...MAC, 'X-Forwarded-For': '203.0.113.77' });
      await logIn(shop, 'ann');
      const devices = (await shop.visit.get('/devices').set('Cookie', cookie)).body as Record<string, unknown>[];
      expect(devices).toHaveLength(2);
      const current = devices.filter(({ isCurrent }) => isCurrent);
      expect(current).toStrictEqual([
        expect.objectContaining({ label: 'Chrome on macOS', ipPrefix: '203.0.113.0/24' }),
      ]);
      for (const { createdAt, lastSeenAt } of devices) {
        expect(Math.abs(Date.parse(String(createdAt)) - Date.now())).toBeLessThan(60_000);
        expect(Date.parse(String(lastSeenAt))).toBeGreaterThanOrEqual(Date.parse(String(createdAt)));
      }
      expect(JSON.stringify(devices)).not.toContain(idIn(cookie).slice(2, 14));
    },
  },
  {
    line: 31,
    source: 'A 7.5.2',
    claim: 'lets a freshly authenticated user end one session, and nobody another user’s',
    async check(subject) {
      const shop = await subject.open({
        routes: (app, sessions) =>
          app.delete('/devices/:id', sessions.requireFresh({ maxAgeMs: 60_000 }), async (req, res) => {
            const wasLive = await sessions.revoke(req.session.userId ?? '', String(req.params['id']));
            res.status(wasLive ? 204 : 404).end();
          }),
      });
      const [ann, other, eve] = [await logIn(shop), await logIn(shop), await logIn(shop, 'eve')];
      const [target] = (await shop.sessions.list('ann')).filter(({ deviceId }) => deviceId);
      const path = `/devices/${target?.deviceId}`;
      expect((await shop.visit.delete(path)).status).toBe(401);
      expect((await shop.visit.delete(path).set('Cookie', eve)).status).toBe(404);
      expect(await shop.sessions.list('ann')).toHaveLength(2);
      expect((await shop.visit.delete(path).set('Cookie', ann)).status).toBe(204);
      const left = await Promise.all([look(shop, ann), look(shop, other)]);
      expect(left.filter(({ userId }) => userId === 'ann')).toHaveLength(1);
    },
  },
  {
    line: 32,
    source: 'A 7.4.3',
    claim: 'ends all other sessions of a user, after a change of password',
    async check(subject) {
      const shop = await subject.open();
      const [kept, lost, stranger] = [await logIn(shop), await logIn(shop), await logIn(shop, 'bob')];
      expect((await shop.visit.post('/revoke-others').set('Cookie', kept)).body).toStrictEqual({ count: 1 });
      expect(await usersOf(shop, [kept, lost, stranger])).toStrictEqual(['ann', null, 'bob']);
    },
  },
  {
    line: 33,
    source: 'A 7.4.2, A 7.4.5',
    claim: 'lets an administrator end all sessions of a user or of everybody, on every process at the next request',
    async check(subject) {
      const shop = await subject.open();
      const other = await subject.open({ prefix: shop.prefix });
      const cookies = [await logIn(shop), await logIn(other), await logIn(shop, 'bob')];
      expect(await usersOf(other, cookies)).toStrictEqual(['ann', 'ann', 'bob']);
      await shop.sessions.revokeAll('ann');
      expect(await usersOf(other, cookies)).toStrictEqual([null, null, 'bob']);
      const later = await logIn(other, 'cat');
      await shop.sessions.revokeEveryone();
      expect(await usersOf(other, [...cookies, later])).toStrictEqual([null, null, null, null]);
      expect((await look(other, await logIn(shop))).userId).toBe('ann');
    },
  },
  {
    line: 34,
    source: 'A 7.5.1, A 7.5.3',
    claim: 'asks for a fresh authentication before sensitive changes, with the reason',
    async check(subject) {
      const shop = await subject.open({
        routes: (app, sessions) => {
          app.post('/password', sessions.requireFresh({ maxAgeMs: 60_000 }), (_req, res) => res.json({ ok: true }));
          app.get('/account', sessions.requireUser(), (_req, res) => res.json({ ok: true }));
        },
      });
      const cookie = await logIn(shop);
      const change = () => shop.visit.post('/password').set('Cookie', cookie);
      expect((await change()).status).toBe(200);
      const [key = ''] = (await keysOf(shop)).filter((name) => !name.includes(':user:'));
      await shop.redis.hset(key, 'c', Date.now() - 61_000);
      const refused = await change();
      expect(refused.status).toBe(401);
      expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(refused.body).toMatchObject({ status: 401, reason: 'stale', maxAgeMs: 60_000 });
      expect((await shop.visit.get('/account').set('Cookie', cookie)).status).toBe(200);
      const anonymous = await shop.visit.get('/account');
      expect([anonymous.status, anonymous.body.reason]).toStrictEqual([401, 'anonymous']);
    },
  },
  {
    line: 35,
    source: 'CS, simultaneous session logons',
    claim: 'tells of a log-in beside other sessions of the user, with what a notice needs',
    async check(subject) {
      const shop = await subject.open({ before: behindTls, cookie: { secure: false } });
      await logIn(shop, 'ann', MAC);
      await logIn(shop, 'ann', { ...MAC, 'X-Forwarded-For': '203.0.113.77' });
      expect(eventsOf(shop, 'logged-in')).toStrictEqual([
        expect.objectContaining({ userId: 'ann', otherSessionCount: 0 }),
        expect.objectContaining({ otherSessionCount: 1, label: 'Chrome on macOS', ipPrefix: '203.0.113.0/24' }),
      ]);
    },
  },
];

/** Options of the cap on sessions per user. */
function cap(limit: number, policy: string): object {
  return { maxDeviceCount: limit, onDeviceLimit: policy };
}

function usersOf(shop: Shop, cookies: readonly string[]): Promise<(string | null)[]> {
  return Promise.all(cookies.map(async (cookie) => (await look(shop, cookie)).userId));
}
