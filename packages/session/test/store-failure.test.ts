import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { dedicatedRedis, expressVersions, until, within, type DedicatedRedis } from '@sallyport/testkit';
import { cookiesOf, openShop, sessionCookie, type ShopOptions } from './shop.js';

const deadlineMs = 200;
/** One request may need two calls; the rest is for a busy machine. */
const answerWithinMs = 2 * deadlineMs + 1_000;

describe.each(expressVersions)('sessions while Redis is down, on $name', ({ express }) => {
  let server: DedicatedRedis;
  beforeAll(async () => {
    server = await dedicatedRedis();
  });
  afterEach(async () => {
    server.resume();
  });

  async function open(options: ShopOptions = {}) {
    const redis = server.client({ retryStrategy: () => 50 });
    await redis.ping();
    const shop = await openShop({ express, redis, deadlineMs, ...options });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    /** A request that must be answered in time. */
    const ask = async (method: 'get' | 'post', path: string, headers: Record<string, string> = { Cookie: cookie }) => {
      const asking = shop.visit[method](path)
        .set(headers)
        .then((response) => response);
      await within(answerWithinMs, asking);
      return asking;
    };
    return { ...shop, redis, cookie, ask };
  }

  describe("with onStoreFailure 'closed', the default", () => {
    it('answers 503 with Retry-After to requests that carry a session cookie, and 200 to the others', async () => {
      const { ask, events } = await open();
      server.pause();
      for (let asked = 0; asked < 7; asked += 1) {
        const response = await ask('get', '/');
        expect([response.status, response.headers['retry-after']]).toStrictEqual([503, '1']);
        expect(response.headers['content-type']).toBe('application/problem+json');
        expect(cookiesOf(response)).toStrictEqual([]);
      }
      expect((await ask('get', '/', {})).status).toBe(200);
      expect(events).toContainEqual({ type: 'store-failure', operation: 'read', reason: 'deadline' });
      expect(events).toContainEqual({ type: 'store-failure', operation: 'read', reason: 'circuit-open' });
    });

    it('knows the session again within a second of the return', async () => {
      const { ask } = await open();
      server.pause();
      for (let asked = 0; asked < 6; asked += 1) await ask('get', '/');
      server.resume();
      await until(async () => (await ask('get', '/')).body.userId === 'ann', { timeoutMs: 1_000 });
    });
  });

  describe("with onStoreFailure 'anonymous'", () => {
    it('handles the request as anonymous and leaves the cookie alone', async () => {
      const { ask } = await open({ onStoreFailure: 'anonymous' });
      server.pause();
      const response = await ask('get', '/');
      expect([response.status, response.body]).toStrictEqual([200, { userId: null, data: {} }]);
      expect(cookiesOf(response)).toStrictEqual([]);
      server.resume();
      await until(async () => (await ask('get', '/')).body.userId === 'ann', { timeoutMs: 1_000 });
    });

    it('answers 503 to a change that cannot be kept, also when Redis is back by then', async () => {
      const { ask, visit, cookie } = await open({
        onStoreFailure: 'anonymous',
        routes: (app, sessions) =>
          app.post('/set-later', (req, res) => {
            server.resume();
            sessions.of(req).theme = 'lost';
            res.json({ ok: true });
          }),
      });
      server.pause();
      expect((await ask('post', '/set/theme/dark')).status).toBe(503);
      const later = await ask('post', '/set-later');
      expect([later.status, cookiesOf(later)]).toStrictEqual([503, []]);
      await until(async () => (await visit.get('/').set('Cookie', cookie)).body.userId === 'ann');
    });

    it.each(['/log-in/bob', '/log-out'])('never pretends that %s was done', async (path) => {
      const { ask } = await open({ onStoreFailure: 'anonymous' });
      server.pause();
      const response = await ask('post', path);
      expect([response.status, response.body.code]).toStrictEqual([503, 'ERR_CORE_STORE_UNAVAILABLE']);
      expect(cookiesOf(response)).toStrictEqual([]);
    });
  });

  it('answers 503 to a log-in without a cookie, and the log-in that comes late is undone', async () => {
    const { ask, sessions } = await open();
    server.pause();
    expect((await ask('post', '/log-in/late', {})).status).toBe(503);
    server.resume();
    await until(async () => (await sessions.list('late')).length === 0 && (await sessions.list('ann')).length === 1);
  });

  it('rejects the calls of the handle with a status of 503', async () => {
    const { sessions } = await open();
    server.pause();
    const failure = expect.objectContaining({ code: 'ERR_CORE_STORE_UNAVAILABLE', status: 503 });
    await expect(sessions.list('ann')).rejects.toStrictEqual(failure);
    await expect(sessions.revokeAll('ann')).rejects.toStrictEqual(failure);
    await expect(sessions.revoke('ann', 'x'.repeat(22))).rejects.toStrictEqual(failure);
  });

  it('obeys the policy while the server is dead, and starts anew with an empty one', async () => {
    const { ask, redis } = await open();
    await server.kill();
    await until(() => redis.status !== 'ready');
    expect((await ask('get', '/')).status).toBe(503);
    expect((await ask('post', '/set/theme/dark', {})).status).toBe(503);
    expect((await ask('get', '/', {})).status).toBe(200);
    await server.restart();
    await until(async () => (await ask('get', '/')).body.userId === null, { timeoutMs: 3_000 });
    expect((await ask('post', '/set/theme/dark', {})).status).toBe(200);
  });
});
