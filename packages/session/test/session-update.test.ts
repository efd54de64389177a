import { describe, expect, it } from '@jest/globals';
import { connect, countCommands, startProxy, uniquePrefix, until } from '@sallyport/testkit';
import type { Request } from 'express';
import { openShop, sessionCookie, type ShopOptions } from './shop.js';

/** A shop with one session, and a route that a test writes. */
async function openWith(act: (req: Request) => Promise<unknown>, options: Omit<ShopOptions, 'routes'> = {}) {
  const shop = await openShop({
    ...options,
    routes: (app) =>
      app.post('/act', (req, res, next) => {
        act(req).then((result) => res.json({ result }), next);
      }),
  });
  const cookie = sessionCookie(await shop.visit.post('/set/theme/dark'));
  const visit = async () => shop.visit.post('/act').set('Cookie', cookie);
  const dataOf = async () => (await shop.visit.get('/').set('Cookie', cookie)).body.data as Record<string, unknown>;
  return { ...shop, cookie, post: visit, dataOf };
}

const increment = (count: number | undefined) => (count ?? 0) + 1;

describe('req.session.update()', () => {
  it('changes one property by what it holds, or several by a draft, and shows the result on req.session', async () => {
    const { post, dataOf } = await openWith(async (req) => {
      await req.session.update('count', increment);
      await req.session.update((draft) => {
        draft['double'] = Number(draft['count']) * 2;
        delete draft['theme'];
      });
      return Object.fromEntries(Object.entries(req.session));
    });
    const { body } = await post();
    expect(body.result).toMatchObject({ count: 1, double: 2 });
    expect(body.result).not.toHaveProperty('theme');
    expect(await dataOf()).toStrictEqual({ count: 1, double: 2 });
  });

  it('sees what others wrote since this request read the session', async () => {
    const shop = await openWith(async (req) => {
      await shop.visit.post('/set/theme/light').set('Cookie', req.headers.cookie ?? '');
      await req.session.update('theme', (theme: string | undefined) => `${theme} grey`);
    });
    await shop.post();
    expect(await shop.dataOf()).toStrictEqual({ theme: 'light grey' });
  });

  it('keeps changes that the handler has made and not saved, and stores them with the response', async () => {
    const { post, dataOf } = await openWith(async (req) => {
      Reflect.set(req.session, 'mine', 'unsaved');
      await req.session.update('count', increment);
    });
    await post();
    expect(await dataOf()).toStrictEqual({ theme: 'dark', mine: 'unsaved', count: 1 });
  });

  it('costs 1 command, and 2 the first time in a session', async () => {
    const { post, redis } = await openWith(async (req) => {
      const { total } = await countCommands(redis, () => req.session.update('count', increment));
      return total;
    });
    expect((await post()).body.result).toBe(2);
    expect((await post()).body.result).toBe(1);
    expect((await post()).body.result).toBe(1);
  });

  it('notices a plain write of another request in between, and of the same property', async () => {
    const shop = await openWith(async (req) => {
      let calls = 0;
      await req.session.update(async (draft) => {
        calls += 1;
        if (calls === 2) await shop.visit.post('/set/theme/light').set('Cookie', req.headers.cookie ?? '');
        draft['seen'] = draft['theme'];
      });
      return calls;
    });
    // The first call has no version to compare; the second one is overtaken.
    expect((await shop.post()).body.result).toBe(3);
    expect(await shop.dataOf()).toStrictEqual({ theme: 'light', seen: 'light' });
  });

  it('begins a session that did not exist', async () => {
    const shop = await openWith(async (req) => req.session.update('count', increment));
    const fresh = sessionCookie(await shop.visit.post('/act'));
    expect((await shop.visit.get('/').set('Cookie', fresh)).body.data).toStrictEqual({ count: 1 });
  });

  it('rejects in a session that has ended (ERR_SESSION_GONE), and writes nothing', async () => {
    const shop = await openWith(async (req) => {
      await shop.sessions.clear();
      return req.session.update('count', increment).catch((error: { code: string }) => error.code);
    });
    expect((await shop.post()).body.result).toBe('ERR_SESSION_GONE');
    expect(await shop.dataOf()).toStrictEqual({});
  });

  it('rejects when others write each time (ERR_SESSION_CONFLICT), after 100 attempts', async () => {
    const shop = await openWith(async (req) => {
      let calls = 0;
      const change = async (draft: Record<string, unknown>) => {
        calls += 1;
        await shop.visit.post(`/set/theme/${calls}`).set('Cookie', req.headers.cookie ?? '');
        draft['count'] = 1;
      };
      const code = await req.session.update(change).catch((error: { code: string }) => error.code);
      return [code, calls];
    });
    expect((await shop.post()).body.result).toStrictEqual(['ERR_SESSION_CONFLICT', 100]);
  }, 60_000);

  it('passes on what the function throws, and writes nothing', async () => {
    const { post, dataOf } = await openWith(async (req) =>
      req.session
        .update((draft) => {
          draft['count'] = 1;
          throw new Error('no');
        })
        .catch((error: Error) => error.message),
    );
    expect((await post()).body.result).toBe('no');
    expect(await dataOf()).toStrictEqual({ theme: 'dark' });
  });

  it('refuses other arguments with a TypeError', async () => {
    const { post } = await openWith(async (req) => {
      const update = req.session.update.bind(req.session) as (...args: unknown[]) => Promise<void>;
      try {
        await update('count', 1);
      } catch (error) {
        return (error as Error).name;
      }
      return 'nothing thrown';
    });
    expect((await post()).body.result).toBe('TypeError');
  });

  it('cannot reach a prototype by __proto__', async () => {
    const { post } = await openWith(async (req) => {
      await req.session.update((draft) => {
        draft['__proto__'] = { isAdmin: true };
        draft['constructor'] = { isAdmin: true };
      });
      return [Reflect.get(req.session, 'isAdmin') ?? null, Reflect.get({}, 'isAdmin') ?? null];
    });
    expect((await post()).body.result).toStrictEqual([null, null]);
  });

  it('counts each request that succeeded once, also when replies are lost and ioredis sends commands again', async () => {
    const prefix = uniquePrefix('session');
    const proxy = await startProxy();
    const redis = proxy.client({ retryStrategy: () => 5 });
    const shop = await openWith(async (req) => req.session.update('count', increment), { prefix, redis });
    await until(async () => (await shop.post()).status === 200);
    let counted = 1;
    for (let round = 0; round < 20; round += 1) {
      proxy.dropReplies(2);
      const answers = await Promise.all(Array.from({ length: 5 }, () => shop.post()));
      // A request that meets the client while it reconnects is a 503: nothing was sent.
      counted += answers.filter(({ status }) => status === 200).length;
      await until(() => redis.status === 'ready');
    }
    expect(counted).toBeGreaterThan(30);
    const near = await openShop({ prefix, redis: connect() });
    expect((await near.visit.get('/').set('Cookie', shop.cookie)).body.data.count).toBe(counted);
  }, 60_000);
});
