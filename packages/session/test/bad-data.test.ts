// Redis holds what others put there: a foreign program, an older version, a hand. Whatever it is, a visitor gets an answer,
// and a broken session does not break its browser for ever.

import { describe, expect, it } from '@jest/globals';
import { keysUnder } from '@sallyport/testkit';
import { array, assert, asyncProperty, constantFrom, json, oneof, record, string, type Arbitrary } from 'fast-check';
import { idOf, openShop, sessionCookie } from './shop.js';

const RUNS = process.env['SALLYPORT_TEST'] === 'full' ? 600 : 25;

const ODD = [
  '',
  '0',
  '-1',
  '1',
  '1e999',
  '-1e999',
  'inf',
  'nan',
  '1.5',
  '0x7fffffff',
  '9007199254740993',
  '99999999999999999999',
  'null',
  '[]',
  '{}',
  '"',
  '{oops',
  '{"__proto__":{"polluted":1}}',
  '[{"constructor":{"prototype":{"polluted":1}}}]',
  '"~1.aaaaaa.aaaa"',
  '\0',
  '%',
  '1 2 3 4 5',
  '1 1 1 x x',
  '999999999 0 0 x ',
  'ann',
];
const oddName = oneof(
  constantFrom('c', 's', 'e', 'm', 'u', 'a', 'i', 'r', 'v', 'n', 'o', 'w', '.', '.theme', '.__proto__', '.constructor'),
  constantFrom('.toString', '.cookie', '.req', '.id', '.save', '.userId', '.hasOwnProperty', 'x', 'long name'),
  string({ maxLength: 8 }),
);
const oddValue = oneof(constantFrom(...ODD), json({ maxDepth: 3 }), string({ maxLength: 40 }));
const damage: Arbitrary<{ name: string; value: string }[]> = array(record({ name: oddName, value: oddValue }), {
  minLength: 1,
  maxLength: 5,
});

describe.each([
  ['plain', {}],
  ['encrypted', { encryption: { keys: ['an encryption key of more than 32 bytes'] } }],
  [
    'encrypted, with renewal',
    { renewalMs: 1000, encryption: { keys: ['an encryption key of more than 32 bytes'], acceptPlain: true } },
  ],
])('a session that was damaged in Redis, %s', (_what, options) => {
  it('is answered, heals, and lets its user log in again', async () => {
    const shop = await openShop({ ...options, idleMs: 60_000 });
    const keyOf = async () => {
      const keys = await keysUnder(shop.redis, `${shop.prefix}*`);
      return keys.find((name) => !name.includes(':user:') && !name.includes('epoch')) ?? '';
    };
    const check = async (harm: (key: string) => Promise<unknown>) => {
      await shop.sessions.clear();
      const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
      await shop.visit.post('/set/theme/dark').set('Cookie', cookie);
      await harm(await keyOf());
      const statuses = [
        (await shop.visit.get('/').set('Cookie', cookie)).status,
        (await shop.visit.post('/set/theme/light').set('Cookie', cookie)).status,
        (await shop.visit.get('/').set('Cookie', cookie)).status,
      ];
      // A session that is gone under a request's hands is a 409; nothing is a 5xx.
      for (const status of statuses) expect(status).toBeLessThan(500);
      await shop.sessions.list('ann');
      const again = await shop.visit.post('/log-in/ann').set('Cookie', cookie);
      expect(again.status).toBe(200);
      const next = sessionCookie(again);
      expect(idOf(next) === idOf(cookie)).toBe(false);
      const { body } = await shop.visit.get('/').set('Cookie', next);
      expect(body.userId).toBe('ann');
      expect(await shop.sessions.revokeAll('ann')).toBeGreaterThanOrEqual(1);
      expect([Reflect.get({}, 'polluted'), Reflect.get([], 'polluted')]).toStrictEqual([undefined, undefined]);
    };

    await assert(
      asyncProperty(damage, async (fields) => {
        await check((key) => shop.redis.hset(key, ...fields.flatMap(({ name, value }) => [name, value])));
      }),
      { numRuns: RUNS },
    );
    for (const type of ['string', 'list', 'set', 'zset', 'empty'] as const) {
      await check(async (key) => {
        await shop.redis.del(key);
        if (type === 'string') await shop.redis.set(key, '{"cookie":{},"userId":"ann"}');
        if (type === 'list') await shop.redis.rpush(key, 'a');
        if (type === 'set') await shop.redis.sadd(key, 'a');
        if (type === 'zset') await shop.redis.zadd(key, 1, 'a');
      });
    }
  }, 180_000);
});
