import { describe, expect, it } from '@jest/globals';
import { connect, countCommands, dedicatedRedis, uniquePrefix, until } from '@sallyport/testkit';
import { noteNetwork } from '../src/scripts/note-network.js';
import { cookiesOf, openShop, sessionCookie, type ShopOptions } from './shop.js';

const from = (address: string) => ({ 'X-Forwarded-For': address });
const HOME = from('203.0.113.7');
const ABROAD = from('198.51.100.7');

/** A shop behind a proxy, with a session that was begun at home. */
async function openAtHome(options: ShopOptions = {}) {
  const shop = await openShop({ before: (app) => app.set('trust proxy', true), cookie: { secure: false }, ...options });
  const cookie = sessionCookie(await shop.visit.post('/log-in/ann').set(HOME));
  const look = (headers: Record<string, string>) => shop.visit.get('/').set('Cookie', cookie).set(headers);
  const types = (type: string) => shop.events.filter((event) => event.type === type);
  return { ...shop, cookie, look, types };
}

describe('binding', () => {
  it('costs no further command at home, one when the network changes, and none after that', async () => {
    const { redis, look } = await openAtHome();
    const cost = async (headers: Record<string, string>) =>
      (await countCommands(redis, async () => (await look(headers), redis.ping()))).total - 1;
    await look(from('192.0.2.1'));
    await look(HOME);
    await until(async () => (await cost(HOME)) === 1);
    expect(await cost(ABROAD)).toBe(2);
    expect(await cost(ABROAD)).toBe(1);
  });

  it('reports a place once, not each request from it', async () => {
    const { look, types } = await openAtHome();
    for (let times = 0; times < 3; times += 1) await look(ABROAD);
    expect(types('binding-mismatch')).toStrictEqual([
      {
        type: 'binding-mismatch',
        userId: 'ann',
        deviceId: expect.any(String),
        changed: ['network'],
        policy: 'observe',
        label: 'Unknown device',
        ipPrefix: '198.51.100.0/24',
      },
    ]);
  });

  it("with 'end' ends the session, clears the cookie and handles the request as anonymous", async () => {
    const { look, types, sessions } = await openAtHome({ binding: { network: 'end' } });
    const response = await look(ABROAD);
    expect(response.body).toStrictEqual({ userId: null, data: {} });
    expect(cookiesOf(response)).toStrictEqual([expect.stringMatching(/^sid=; /)]);
    expect((await look(HOME)).body.userId).toBeNull();
    expect(await sessions.list('ann')).toStrictEqual([]);
    expect(types('revoked')).toHaveLength(1);
  });

  it("with 'end' answers 503 when the session cannot be ended: nobody gets in meanwhile", async () => {
    const server = await dedicatedRedis();
    const redis = server.client();
    const { look, prefix } = await openAtHome({
      redis,
      deadlineMs: 1000,
      renewalMs: 5000,
      binding: { network: 'end' },
    });
    const [key = ''] = (await redis.keys(`${prefix}*`)).filter((name) => !name.includes(':user:'));
    // A new id is due, too.
    await redis.hset(key, 'c', Date.now() - 10_000);
    // The read passes; from the UNLINK on, the server may write nothing.
    await redis.call('ACL', 'SETUSER', 'default', '-unlink');
    const response = await look(ABROAD);
    await redis.call('ACL', 'SETUSER', 'default', '+unlink');
    expect([response.status, cookiesOf(response)]).toStrictEqual([503, []]);
    expect((await look(ABROAD)).body.userId).toBeNull();
  });

  it('lets an anonymous session move as it likes', async () => {
    const shop = await openShop({
      before: (app) => app.set('trust proxy', true),
      cookie: { secure: false },
      binding: { userAgent: 'end', network: 'end' },
    });
    const cookie = sessionCookie(await shop.visit.post('/set/cart/full').set(HOME));
    const { body } = await shop.visit.get('/').set('Cookie', cookie).set(ABROAD).set('User-Agent', 'curl/8');
    expect(body.data).toStrictEqual({ cart: 'full' });
  });
});

describe('parallel use', () => {
  it('is a return within a minute; a move, a second device or an old return is none', async () => {
    const { look, types, redis, prefix } = await openAtHome();
    await look(ABROAD);
    const [key = ''] = (await redis.keys(`${prefix}*`)).filter((name) => !name.includes(':user:'));
    await until(async () => (await redis.hget(key, 'n')) === '198.51.100.0/24');
    await redis.hset(key, 'w', Date.now() - 61_000);
    await look(HOME);
    await until(async () => (await redis.hget(key, 'n')) === '203.0.113.0/24');
    expect(types('parallel-use')).toStrictEqual([]);
    await look(ABROAD);
    await until(() => types('parallel-use').length === 1);
  });

  it('is looked for in sessions that are there and belong to a user, and makes none', async () => {
    const redis = connect();
    const prefix = uniquePrefix('note');
    const note = (key: string) => noteNetwork.run(redis, [prefix + key], ['198.51.100.0/24', 60_000]);
    await redis.hset(`${prefix}anonymous`, 'c', 1);
    await redis.set(`${prefix}foreign`, 'text');
    for (const key of ['gone', 'anonymous', 'foreign']) expect(await note(key)).toBeUndefined();
    expect(await redis.exists(`${prefix}gone`)).toBe(0);
    expect(await redis.hgetall(`${prefix}anonymous`)).toStrictEqual({ c: '1' });
  });

  it('brings no session back that has ended', async () => {
    const { look, sessions, redis, prefix } = await openAtHome();
    await Promise.all([look(ABROAD), sessions.revokeAll('ann'), look(HOME), look(ABROAD)]);
    await redis.ping();
    expect((await redis.keys(`${prefix}*`)).filter((name) => !name.includes(':user:'))).toStrictEqual([]);
  });
});
