import { describe, expect, it } from '@jest/globals';
import { countCommands, deferred, keysUnder } from '@sallyport/testkit';
import { addressOf } from '../src/session-id.js';
import { cookiesOf, idOf, openShop, sessionCookie, type ShopOptions } from './shop.js';

/** A shop with a logged-in session whose id is due for renewal. */
async function openDue(options: ShopOptions = {}) {
  const shop = await openShop({ renewalMs: 60_000, ...options });
  const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
  const [key = ''] = (await keysUnder(shop.redis, `${shop.prefix}*`)).filter((name) => !name.includes(':user:'));
  /** Makes the present id, or the time since the last renewal, older. */
  const age = async (ms: number) => {
    const renewal = await shop.redis.hget(key, 'r');
    if (renewal === null) return shop.redis.hincrby(key, 'c', -ms);
    const [generation, at, ...rest] = renewal.split(' ');
    return shop.redis.hset(key, 'r', [generation, Number(at) - ms, ...rest].join(' '));
  };
  await age(61_000);
  const look = async (presented: string) => shop.visit.get('/').set('Cookie', presented);
  const userOf = async (presented: string) => (await look(presented)).body.userId as string | null;
  return { ...shop, cookie, key, age, look, userOf };
}

describe('renewalMs', () => {
  it('gives a new id with the response, which the session goes on under, and keeps data, device id and list entry', async () => {
    const shop = await openDue();
    const before = await shop.sessions.list('ann');
    const renewed = await shop.look(shop.cookie);
    const cookie = sessionCookie(renewed);
    expect(cookiesOf(renewed)).toHaveLength(1);
    expect(renewed.headers['cache-control']).toBe('no-store');
    expect(idOf(cookie)).not.toBe(idOf(shop.cookie));
    expect(addressOf(idOf(cookie))?.deviceId).toBe(addressOf(idOf(shop.cookie))?.deviceId);
    expect(await shop.userOf(cookie)).toBe('ann');
    const after = await shop.sessions.list('ann');
    expect(after.map(({ deviceId }) => deviceId)).toStrictEqual(before.map(({ deviceId }) => deviceId));
    expect(shop.events.at(-1)).toMatchObject({ type: 'renewed', userId: 'ann' });
  });

  it('renews once per period, again and again', async () => {
    const shop = await openDue();
    let { cookie } = shop;
    for (let generation = 1; generation <= 3; generation += 1) {
      const next = sessionCookie(await shop.look(cookie));
      expect(addressOf(idOf(next))).toMatchObject({ generation });
      cookie = next;
      expect(cookiesOf(await shop.look(cookie))).toStrictEqual([]);
      await shop.age(61_000);
    }
  });

  it('costs 2 commands, the same as a change, and both together 2', async () => {
    const shop = await openDue();
    await shop.visit.post('/set/a/b').set('Cookie', sessionCookie(await shop.look(shop.cookie)));
    const other = await openDue();
    const { total } = await countCommands(other.redis, async () =>
      other.visit.post('/set/theme/dark').set('Cookie', other.cookie),
    );
    expect(total).toBe(2);
  });

  it('serves 20 parallel requests with the old id, and gives all that renew the same new one', async () => {
    const shop = await openDue();
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        index % 2 ? shop.look(shop.cookie) : shop.visit.post(`/set/n${index}/1`).set('Cookie', shop.cookie),
      ),
    );
    expect(answers.map(({ status }) => status)).toStrictEqual(Array.from({ length: 20 }, () => 200));
    const cookies = new Set(answers.map(sessionCookie).filter(Boolean));
    expect(cookies.size).toBe(1);
    const [cookie = ''] = cookies;
    const { body } = await shop.look(cookie);
    expect([body.userId, Object.keys(body.data).length]).toStrictEqual(['ann', 10]);
    expect(shop.events.filter(({ type }) => type === 'replay')).toStrictEqual([]);
  });

  it('tells a browser the new id again when the response that brought it was lost', async () => {
    const shop = await openDue();
    const lost = sessionCookie(await shop.look(shop.cookie));
    expect(sessionCookie(await shop.look(shop.cookie))).toBe(lost);
    await shop.userOf(lost);
    // Somebody has used it: whoever still comes with the old one is not told any more.
    const again = await shop.look(shop.cookie);
    expect([again.body.userId, cookiesOf(again)]).toStrictEqual(['ann', []]);
  });

  it('never sets the old id again while it is in grace, also not where each response sets the cookie', async () => {
    const shop = await openDue({ rolling: true, cookie: { persistent: true } });
    const renewed = sessionCookie(await shop.look(shop.cookie));
    await shop.userOf(renewed);
    const late = await shop.visit.post('/set/theme/dark').set('Cookie', shop.cookie);
    expect([late.status, cookiesOf(late)]).toStrictEqual([200, []]);
    expect(sessionCookie(await shop.look(renewed))).toBe(renewed);
  });

  it('does not tell the new id to who comes in grace when it is in use, also where the next renewal is near', async () => {
    const shop = await openDue({ renewalMs: 1_000 });
    await shop.userOf(sessionCookie(await shop.look(shop.cookie)));
    await shop.age(2_000);
    const late = await shop.look(shop.cookie);
    expect([late.body.userId, cookiesOf(late)]).toStrictEqual(['ann', []]);
  });

  it('is not set back by a request that was under way for two renewals', async () => {
    const gate = deferred();
    const arrived = deferred();
    const shop = await openDue({
      routes: (app, sessions) =>
        app.post('/slow', async (req, res) => {
          arrived.resolve();
          await gate.promise;
          sessions.of(req).theme = 'late';
          res.end();
        }),
    });
    const slow = shop.visit
      .post('/slow')
      .set('Cookie', shop.cookie)
      .then((response) => response);
    await arrived.promise;
    const second = sessionCookie(await shop.look(shop.cookie));
    await shop.age(61_000);
    const third = sessionCookie(await shop.look(second));
    gate.resolve();
    const late = await slow;
    expect([late.status, cookiesOf(late)]).toStrictEqual([200, []]);
    expect((await shop.look(third)).body).toMatchObject({ userId: 'ann', data: { theme: 'late' } });
  });

  it('ends the session when the old id is used after the grace window, and reports the replay', async () => {
    const shop = await openDue();
    const renewed = sessionCookie(await shop.look(shop.cookie));
    await shop.age(31_000);
    expect(await shop.userOf(shop.cookie)).toBeNull();
    expect(shop.events.at(-1)).toMatchObject({ type: 'replay', hasEnded: true });
    expect(await shop.userOf(renewed)).toBeNull();
    expect(await shop.sessions.list('ann')).toStrictEqual([]);
  });

  it('only refuses the replay with onReplay refuse', async () => {
    const shop = await openDue({ onReplay: 'refuse', renewalGraceMs: 0 });
    const renewed = sessionCookie(await shop.look(shop.cookie));
    await shop.age(10);
    expect(await shop.userOf(shop.cookie)).toBeNull();
    expect(shop.events.at(-1)).toMatchObject({ type: 'replay', hasEnded: false });
    expect(await shop.userOf(renewed)).toBe('ann');
  });

  it('detects the replay of every id that a session ever had', async () => {
    const shop = await openDue({ onReplay: 'refuse' });
    const ids = [shop.cookie];
    for (let renewals = 0; renewals < 5; renewals += 1) {
      ids.push(sessionCookie(await shop.look(ids.at(-1) ?? '')));
      await shop.age(61_000);
    }
    const present = ids.pop() ?? '';
    for (const id of ids) expect(await shop.userOf(id)).toBeNull();
    expect(shop.events.filter(({ type }) => type === 'replay')).toHaveLength(5);
    expect(await shop.userOf(present)).toBe('ann');
  });

  it('refuses an id of the session that was never issued, without ending it: Redis has lost a renewal', async () => {
    const shop = await openDue();
    const renewed = sessionCookie(await shop.look(shop.cookie));
    await shop.redis.hdel(shop.key, 'r');
    expect(await shop.userOf(renewed)).toBeNull();
    expect(shop.events.at(-1)).toMatchObject({ type: 'unknown' });
    expect(await shop.userOf(shop.cookie)).toBe('ann');
  });

  it('moves neither the idle nor the absolute limit: a renewed session still ends', async () => {
    const shop = await openDue({ idleMs: 100_000 });
    await shop.redis.hset(shop.key, 'e', Date.now() + 30_000);
    const renewed = sessionCookie(await shop.visit.post('/set/theme/dark').set('Cookie', shop.cookie));
    expect(await shop.redis.pttl(shop.key)).toBeLessThanOrEqual(30_000);
    await shop.redis.hset(shop.key, 'e', Date.now() - 1);
    expect(await shop.userOf(renewed)).toBeNull();
    expect(shop.events.at(-1)).toMatchObject({ type: 'expired' });
  });

  it('leaves renewal to a request that extends the session: polling does neither, and sets no older cookie', async () => {
    const shop = await openDue({ touch: (req) => req.path !== '/devices', rolling: true });
    await shop.redis.pexpire(shop.key, 50_000);
    expect(cookiesOf(await shop.visit.get('/devices').set('Cookie', shop.cookie))).toStrictEqual([]);
    expect(await shop.redis.pttl(shop.key)).toBeLessThanOrEqual(50_000);
    expect(addressOf(idOf(sessionCookie(await shop.look(shop.cookie))))).toMatchObject({ generation: 1 });
  });

  it('is reported once, however many requests find it due', async () => {
    const shop = await openDue();
    await Promise.all(Array.from({ length: 10 }, () => shop.userOf(shop.cookie)));
    expect(shop.events.filter(({ type }) => type === 'renewed')).toHaveLength(1);
  });

  it('sets no older id with a new limit of its own in grace', async () => {
    const shop = await openDue({
      routes: (app) =>
        app.post('/remember', (req, res) => {
          req.session.cookie.maxAge = 1_000_000;
          res.end();
        }),
    });
    const renewed = sessionCookie(await shop.look(shop.cookie));
    await shop.userOf(renewed);
    expect(cookiesOf(await shop.visit.post('/remember').set('Cookie', shop.cookie))).toStrictEqual([]);
  });

  it('does not renew what a log-in of the same request has replaced, and sets one cookie', async () => {
    const shop = await openDue();
    const response = await shop.visit.post('/log-in/ann').set('Cookie', shop.cookie);
    expect(cookiesOf(response)).toHaveLength(1);
    expect(addressOf(idOf(sessionCookie(response)))).toMatchObject({ generation: 0 });
    expect(await shop.userOf(shop.cookie)).toBeNull();
  });

  it('holds no renewed id in Redis, only hashes', async () => {
    const shop = await openDue();
    const secretPart = idOf(sessionCookie(await shop.look(shop.cookie))).split('~')[2] ?? '';
    expect(secretPart).toHaveLength(32);
    for (const value of await shop.redis.hvals(shop.key)) expect(value).not.toContain(secretPart.slice(0, 10));
  });
});
