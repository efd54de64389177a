import { beforeAll, describe, expect, it } from '@jest/globals';
import { dedicatedCluster, uniquePrefix, until, type DedicatedCluster } from '@sallyport/testkit';
import type { Redis } from 'ioredis';
import { cookieOf } from './checklist/line.js';
import { plainSubject } from './checklist/plain-shop.js';
import { openShop, sessionCookie } from './shop.js';

const KEYS = ['the current key, of more than 32 bytes', 'the previous key, of more than 32 bytes'] as const;

describe('encryption, take-over and binding in a Cluster', () => {
  let cluster: DedicatedCluster;
  beforeAll(async () => {
    cluster = await dedicatedCluster();
  });

  it('keep every user of connect-redis logged in, whichever slot the sessions are in', async () => {
    // A Cluster client has the methods that the shop and connect-redis call on a single one.
    const redis = cluster.client() as unknown as Redis;
    const prefix = uniquePrefix('sess');
    const old = await plainSubject.open({ redis, prefix });
    const users = Array.from({ length: 12 }, (_, index) => `user${index}`);
    const before = await Promise.all(users.map(async (user) => cookieOf(await old.visit.post(`/log-in/${user}`))));
    const options = {
      redis,
      migrateFrom: { prefix },
      before: (app: { set: (name: string, value: unknown) => unknown }) => app.set('trust proxy', true),
    };
    const shop = await openShop({ ...options, cookie: { secure: false }, encryption: { keys: [KEYS[1]] } });
    const cookies = await Promise.all(
      before.map(async (cookie) => sessionCookie(await shop.visit.post('/set/theme/dark').set('Cookie', cookie))),
    );
    // Encrypted anew with the next key, and seen from two networks.
    const later = await openShop({
      ...options,
      prefix: shop.prefix,
      cookie: { secure: false },
      encryption: { keys: KEYS },
    });
    for (const address of ['192.0.2.1', '198.51.100.1', '192.0.2.1']) {
      for (const [index, cookie] of cookies.entries()) {
        const { body } = await later.visit.get('/').set('Cookie', cookie).set('X-Forwarded-For', address);
        expect(body).toStrictEqual({ userId: users[index], data: { theme: 'dark' } });
      }
    }
    await until(() => later.events.filter(({ type }) => type === 'parallel-use').length === users.length);
    const last = await openShop({
      ...options,
      prefix: shop.prefix,
      cookie: { secure: false },
      encryption: { keys: [KEYS[0]] },
    });
    for (const [index, cookie] of cookies.entries()) {
      expect((await last.visit.get('/').set('Cookie', cookie)).body.userId).toBe(users[index]);
    }
    for (const cookie of before)
      expect((await later.visit.get('/').set('Cookie', cookie)).body.data).toStrictEqual({ theme: 'dark' });
  });
});
