import { describe, expect, it } from '@jest/globals';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { connect, until } from '@sallyport/testkit';
import { idOf, openShop, sessionCookie } from './shop.js';

/** A shop whose store is at hand. */
async function openWithStore(options: Parameters<typeof openShop>[0] = {}) {
  const held: { store?: RedisStore } = {};
  const shop = await openShop({
    ...options,
    routes: (app) =>
      app.get('/store', (req, res) => {
        held.store = req.sessionStore as unknown as RedisStore;
        res.end();
      }),
  });
  await shop.visit.get('/store');
  const { store } = held;
  if (store === undefined) throw new Error('The store was not seen');
  return { ...shop, store };
}

describe('SallyportStore', () => {
  it("is connect-redis' store, which is express-session's", async () => {
    const { store } = await openWithStore();
    expect(store).toBeInstanceOf(RedisStore);
    expect(store).toBeInstanceOf(session.Store);
  });

  it('counts and names its sessions, and not the indexes or the keys of others', async () => {
    const { store, visit, prefix, redis } = await openWithStore();
    for (const user of ['ann', 'ann', 'bob']) await visit.post(`/log-in/${user}`);
    await redis.set(`x${prefix}{ab}:${'x'.repeat(22)}`, 'foreign', 'EX', 60);
    expect(await store.length()).toBe(3);
    expect(await store.ids()).toStrictEqual(
      Array.from({ length: 3 }, () => expect.stringMatching(/^\{..\}:[\w-]{22}$/)),
    );
    await redis.unlink(`x${prefix}{ab}:${'x'.repeat(22)}`);
  });

  it('counts under a client with a keyPrefix and a prefix full of glob characters', async () => {
    const { store, visit, sessions } = await openWithStore({
      redis: connect({ keyPrefix: 'app*:' }),
      prefix: 'sess[1]?:',
    });
    await visit.post('/set/theme/dark');
    expect(await store.length()).toBe(1);
    expect(await store.all()).toEqual([{ theme: 'dark', id: expect.any(String) }]);
    await new Promise((resolve) => void store.clear(resolve));
    expect(await store.length()).toBe(0);
    expect(await sessions.clear()).toBe(0);
  });

  it('serves callbacks and promises', async () => {
    const { store, visit } = await openWithStore();
    const id = idOf(sessionCookie(await visit.post('/set/theme/dark')));
    expect(await store.get(id)).toMatchObject({ theme: 'dark' });
    const seen = await new Promise((resolve) => void store.get(id, (error, data) => resolve([error, data])));
    expect(seen).toStrictEqual([null, expect.objectContaining({ theme: 'dark' })]);
    await store.destroy(id);
    expect(await store.get(id)).toBeNull();
  });

  it('answers null to what is no id of ours, and refuses to write under it', async () => {
    const { store } = await openWithStore();
    expect(await store.get('not an id')).toBeNull();
    await store.destroy('not an id');
    await expect(store.set('not an id', {} as never)).rejects.toMatchObject({ code: 'ERR_SESSION_DATA' });
  });
});

describe('req.session.save() and reload()', () => {
  it('save at once, once, and tell whether it was possible (ERR_SESSION_GONE)', async () => {
    const outcomes: unknown[] = [];
    const shop = await openShop({
      routes: (app, sessions) =>
        app.post('/save', (req, res) => {
          sessions.of(req).theme = 'saved';
          req.session.save((first: unknown) => {
            outcomes.push(first);
            void sessions.clear().then(() => {
              sessions.of(req).theme = 'too late';
              req.session.save((second: unknown) => {
                outcomes.push(second);
                res.end();
              });
            });
          });
        }),
    });
    expect((await shop.visit.post('/save')).status).toBe(409);
    expect(outcomes).toStrictEqual([null, expect.objectContaining({ code: 'ERR_SESSION_GONE', status: 409 })]);
  });

  it('reload what another request has written', async () => {
    const shop = await openShop({
      routes: (app, sessions) =>
        app.get('/wait', async (req, res) => {
          const { cookie = '' } = req.headers;
          await shop.visit.post('/set/theme/new').set('Cookie', cookie);
          req.session.reload((error: unknown) => res.json({ error, theme: sessions.of(req).theme }));
        }),
    });
    const cookie = sessionCookie(await shop.visit.post('/set/theme/old'));
    const { body } = await shop.visit.get('/wait').set('Cookie', cookie);
    expect(body.theme).toBe('new');
    expect(await until(async () => (await shop.visit.get('/').set('Cookie', cookie)).body.data.theme === 'new')).toBe(
      true,
    );
  });
});
