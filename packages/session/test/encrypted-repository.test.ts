import { describe, expect, it } from '@jest/globals';
import { countCommands, keysUnder, uniquePrefix, until } from '@sallyport/testkit';
import { signedValue } from './checklist/forging.js';
import { idIn } from './checklist/line.js';
import { openShop, secret, sessionCookie, type ShopOptions } from './shop.js';

const [OLD, NEW] = ['the previous key, of more than 32 bytes', 'the current key, of more than 32 bytes'];

/** A shop with encryption, and a session of ann in it that holds a secret. */
async function openEncrypted(options: ShopOptions = {}) {
  const shop = await openShop({ encryption: { keys: [OLD] }, ...options });
  const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
  await shop.visit.post('/set/secret/marzipan').set('Cookie', cookie);
  const keys = await keysUnder(shop.redis, `${shop.prefix}*`);
  const key = keys.find((name) => !name.includes(':user:')) ?? '';
  return { ...shop, cookie, key };
}

const ANN = { userId: 'ann', data: { secret: 'marzipan' } };
const NOBODY = { userId: null, data: {} };

describe('encryption', () => {
  it('costs no further command', async () => {
    const { visit, redis, cookie } = await openEncrypted();
    const cost = async (act: () => PromiseLike<unknown>) => (await countCommands(redis, async () => act())).total;
    expect(await cost(() => visit.get('/').set('Cookie', cookie))).toBe(1);
    expect(await cost(() => visit.post('/set/theme/dark').set('Cookie', cookie))).toBe(2);
    expect(await cost(() => visit.post('/set/theme/dark').set('Cookie', cookie))).toBe(1);
  });

  it('keeps parallel writes, update() and the data that log-in keeps', async () => {
    const { visit, cookie, sessions } = await openEncrypted({
      routes: (app) =>
        app.post('/count', (req, res, next) => {
          req.session.update('count', (count) => Number(count ?? 0) + 1).then(() => res.json({ ok: true }), next);
        }),
    });
    const writes = Array.from({ length: 10 }, (_, index) => visit.post(`/set/n${index}/x`).set('Cookie', cookie));
    const counts = Array.from({ length: 20 }, () => visit.post('/count').set('Cookie', cookie));
    const statuses = (await Promise.all([...writes, ...counts])).map(({ status }) => status);
    expect(new Set(statuses)).toStrictEqual(new Set([200]));
    const { data } = (await visit.get('/').set('Cookie', cookie)).body as { data: Record<string, unknown> };
    expect(data['count']).toBe(20);
    expect(Object.keys(data)).toHaveLength(12);
    const next = sessionCookie(await visit.post('/log-in/ann?keep=secret').set('Cookie', cookie));
    expect((await visit.get('/').set('Cookie', next)).body).toStrictEqual(ANN);
    expect(await sessions.list('ann')).toHaveLength(1);
  });

  it('seals a session anew with the current key when it is seen, and loses no write meanwhile', async () => {
    const { visit, cookie, key, redis, prefix } = await openEncrypted();
    await Promise.all(['a', 'b', 'c'].map((name) => visit.post(`/set/${name}/old`).set('Cookie', cookie)));
    const before = await redis.hgetall(key);
    const rotated = await openShop({ prefix, encryption: { keys: [NEW, OLD] } });
    await Promise.all([
      rotated.visit.get('/').set('Cookie', cookie),
      rotated.visit.post('/set/b/new').set('Cookie', cookie),
      rotated.visit.get('/').set('Cookie', cookie),
    ]);
    const keyIdOf = (value = '') => /^"~1\.([\w-]{6})/.exec(value)?.[1];
    await until(async () => {
      const after = await redis.hgetall(key);
      return ['.secret', '.a', '.b', '.c'].every((name) => keyIdOf(after[name]) !== keyIdOf(before[name]));
    });
    // The previous key is not needed any more.
    const last = await openShop({ prefix, encryption: { keys: [NEW] } });
    expect((await last.visit.get('/').set('Cookie', cookie)).body).toStrictEqual({
      userId: 'ann',
      data: { secret: 'marzipan', a: 'old', b: 'new', c: 'old' },
    });
  });

  it.each([
    ['a wrong key', { encryption: { keys: [NEW] } }],
    ['no key', {}],
  ])(
    'leaves a session alone that it cannot read with %s: anonymous, an event, and the cookie stays',
    async (_, options) => {
      const { visit, cookie, prefix, key, redis } = await openEncrypted();
      const other = await openShop({ prefix, ...options });
      for (let times = 0; times < 3; times += 1) {
        const response = await other.visit.get('/').set('Cookie', cookie);
        expect([response.status, response.body, response.headers['set-cookie']]).toStrictEqual([
          200,
          NOBODY,
          undefined,
        ]);
      }
      expect(new Set(other.events.map(({ type }) => type))).toStrictEqual(new Set(['unreadable']));
      expect(await redis.exists(key)).toBe(1);
      expect((await visit.get('/').set('Cookie', cookie)).body).toStrictEqual(ANN);
    },
  );

  it('takes over plain sessions where it is told to', async () => {
    const plain = await openShop();
    const { prefix } = plain;
    const cookie = sessionCookie(await plain.visit.post('/log-in/ann'));
    await plain.visit.post('/set/secret/marzipan').set('Cookie', cookie);
    const strict = await openShop({ prefix, encryption: { keys: [NEW] } });
    expect((await strict.visit.get('/').set('Cookie', cookie)).body).toStrictEqual(NOBODY);
    const lenient = await openShop({ prefix, encryption: { keys: [NEW], acceptPlain: true } });
    expect((await lenient.visit.get('/').set('Cookie', cookie)).body).toStrictEqual(ANN);
    await until(async () => ((await strict.visit.get('/').set('Cookie', cookie)).body as typeof ANN).userId === 'ann');
  });

  it('removes a session whose values were tampered with: it fails once, not for ever', async () => {
    const { visit, cookie, key, redis, events } = await openEncrypted();
    const value = (await redis.hget(key, '.secret')) ?? '';
    await redis.hset(key, '.isAdmin', value);
    expect((await visit.get('/').set('Cookie', cookie)).body).toStrictEqual(NOBODY);
    expect(events.map(({ type }) => type)).toContain('corrupt');
    expect(await redis.exists(key)).toBe(0);
    const next = sessionCookie(await visit.post('/log-in/ann').set('Cookie', cookie));
    expect((await visit.get('/').set('Cookie', next)).body.userId).toBe('ann');
  });

  it('shows administrators what sessions hold', async () => {
    const { visit, cookie } = await openEncrypted({
      routes: (app) =>
        app.get('/all', (req, res, next) => {
          req.sessionStore.all?.((error, all) => (error ? next(error) : res.json(all)));
        }),
    });
    const all = (await visit.get('/all').set('Cookie', cookie)).body as unknown[];
    expect(all).toStrictEqual([expect.objectContaining({ secret: 'marzipan' })]);
  });

  it.each([
    ['encryption.keys', {}],
    ['encryption.keys', { keys: [] }],
    ['encryption.keys', { keys: 'a key' }],
    ['encryption.keys[0]', { keys: [''] }],
    ['encryption.acceptPlain', { keys: [NEW], acceptPlain: 'yes' }],
    ['encryption.key', { key: NEW }],
    ['encryption.keys', { keys: [secret] }],
  ])('refuses %s in %j', async (option, encryption) => {
    await expect(openShop({ encryption: encryption as never })).rejects.toMatchObject({
      code: 'ERR_SESSION_OPTION',
      option,
      message: expect.not.stringContaining(secret),
    });
  });
});

describe('a dump of Redis', () => {
  it.each([
    ['with encryption', { encryption: { keys: [NEW] } }],
    ['without', {}],
  ])('logs nobody in, %s, not even whoever has the secret too', async (_, options) => {
    const prefix = uniquePrefix('session');
    const shop = await openShop({ prefix, renewalMs: 1000, ...options });
    const cookies: string[] = [];
    for (const user of ['ann', 'bob']) {
      const first = sessionCookie(await shop.visit.post('/set/theme/dark'));
      cookies.push(sessionCookie(await shop.visit.post(`/log-in/${user}?keep=theme`).set('Cookie', first)));
    }
    // A renewed id leaves more behind: proofs and generations.
    await until(
      async () => {
        const renewed = sessionCookie(await shop.visit.get('/').set('Cookie', cookies[0] ?? ''));
        return renewed !== '' && cookies.push(renewed) > 0;
      },
      { timeoutMs: 8000, everyMs: 100 },
    );
    const words = new Set<string>();
    for (const key of await keysUnder(shop.redis, `${prefix}*`)) {
      for (const part of key.slice(prefix.length).split(/[{}:]+/)) words.add(part);
      const members =
        (await shop.redis.type(key)) === 'hash' ? Object.entries(await shop.redis.hgetall(key)).flat() : [];
      if ((await shop.redis.type(key)) === 'zset') members.push(...(await shop.redis.zrange(key, '0', '-1')));
      for (const member of members) for (const word of [member, ...member.split(/[\s":.]+/)]) words.add(word);
    }
    expect(words.size).toBeGreaterThan(20);
    const buckets = [...words].filter((word) => /^[\w-]{2}$/.test(word));
    expect(buckets.length).toBeGreaterThan(0);
    const ids = [...words].flatMap((word) => [
      word,
      ...buckets.flatMap((bucket) => [bucket + word, `${bucket}${word}~1~${word}`, `${bucket}~${word}`]),
    ]);
    for (const id of ids) {
      const { body } = await shop.visit.get('/').set('Cookie', `sid=${signedValue(id, secret)}`);
      expect({ id, body }).toStrictEqual({ id, body: NOBODY });
    }
    for (const cookie of cookies) expect([...words]).not.toContain(idIn(cookie));
  });
});
