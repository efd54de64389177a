import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  connect,
  dedicatedRedis,
  dedicatedSentinel,
  randomBy,
  startProxy,
  uniquePrefix,
  until,
  type DedicatedRedis,
  type DedicatedSentinel,
} from '@sallyport/testkit';
import { openShop, sessionCookie, type ShopOptions } from './shop.js';

const isFull = process.env['SALLYPORT_TEST'] === 'full';
const deadlineMs = 250;
/** The contract is 50; on a machine that runs everything at once that is measured in the full form only. */
const marginMs = isFull ? 50 : 1_500;

/** How late this process's own timers were at worst, in ms: that is the machine's doing, and not the package's. */
const eventLoop = monitorEventLoopDelay({ resolution: 5 });
const latenessMs = () => eventLoop.max / 1e6;

/** Sends a request and tells how long the answer took. */
async function timed(url: string, cookie: string, method = 'GET') {
  const startedAt = performance.now();
  const response = await fetch(url, { method, headers: cookie === '' ? {} : { cookie } });
  const body = await response.text();
  return { status: response.status, body, response, elapsedMs: performance.now() - startedAt };
}

describe('onStoreFailure readonly', () => {
  let server: DedicatedRedis;
  beforeAll(async () => {
    server = await dedicatedRedis();
  });

  async function openReadonly(options: ShopOptions = {}) {
    const redis = server.client({ retryStrategy: () => 50 });
    await redis.ping();
    const shop = await openShop({
      redis,
      deadlineMs,
      onStoreFailure: 'readonly',
      routes: (app, sessions) => {
        app.get('/mine', sessions.requireUser(), (_req, res) => void res.end('yours'));
        app.get('/fresh', sessions.requireFresh({ maxAgeMs: 60_000 }), (_req, res) => void res.end('yours'));
        app.post('/count', async (req, res) => {
          await req.session.update('count', (count: number | undefined) => (count ?? 0) + 1);
          res.end();
        });
      },
      ...options,
    });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    await shop.visit.post('/set/theme/dark').set('Cookie', cookie);
    await shop.visit.get('/').set('Cookie', cookie);
    return { ...shop, cookie };
  }

  it('shows the session as it was seen last, and answers 503 to a change, to requireFresh() and to strangers', async () => {
    const { url, cookie, prefix } = await openReadonly();
    const other = sessionCookie(await (await openShop({ prefix, redis: server.client() })).visit.post('/log-in/bob'));
    server.pause();
    try {
      const page = await timed(url, cookie);
      expect([page.status, page.body]).toStrictEqual([200, '{"userId":"ann","data":{"theme":"dark"}}']);
      expect(page.response.headers.getSetCookie()).toStrictEqual([]);
      expect((await timed(`${url}/mine`, cookie)).status).toBe(200);
      expect((await timed(`${url}/set/theme/light`, cookie, 'POST')).status).toBe(503);
      expect((await timed(`${url}/log-out`, cookie, 'POST')).status).toBe(503);
      expect((await timed(`${url}/fresh`, cookie)).status).toBe(503);
      // This process has never seen it.
      expect((await timed(url, other)).status).toBe(503);
    } finally {
      server.resume();
    }
    await until(async () => (await timed(url, cookie)).body.includes('dark'), { timeoutMs: 3_000 });
  });

  it('shows people what they have changed themselves, by assignment and by update()', async () => {
    const { url, cookie } = await openReadonly();
    await timed(`${url}/set/theme/light`, cookie, 'POST');
    await timed(`${url}/count`, cookie, 'POST');
    server.pause();
    const { body } = await timed(url, cookie);
    server.resume();
    expect(JSON.parse(body)).toMatchObject({ data: { theme: 'light', count: 1 } });
  });

  it('does not show what this process knows to have ended', async () => {
    for (const end of ['/log-out', '/revoke-all'] as const) {
      const { url, cookie, sessions } = await openReadonly();
      if (end === '/log-out') await timed(url + end, cookie, 'POST');
      else await sessions.revokeAll('ann');
      server.pause();
      const { status } = await timed(url, cookie);
      server.resume();
      expect(status).toBe(503);
    }
  });
});

describe('onStoreFailure as a function', () => {
  it('chooses per request', async () => {
    const server = await dedicatedRedis();
    const redis = server.client({ retryStrategy: () => 50 });
    const shop = await openShop({
      redis,
      deadlineMs,
      onStoreFailure: (req) => (req.path === '/devices' ? 'closed' : 'anonymous'),
      routes: (app) =>
        app.post('/act/:how', (req, res, next) => {
          const ending = req.params['how'] === 'destroy' ? req.session.destroy() : req.session.regenerate();
          ending.then(() => res.end(), next);
        }),
    });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    server.pause();
    const page = await timed(shop.url, cookie);
    expect([page.status, page.body]).toStrictEqual([200, '{"userId":null,"data":{}}']);
    expect((await timed(`${shop.url}/devices`, cookie)).status).toBe(503);
    // Nobody is told that a session has ended which only could not be read.
    for (const how of ['destroy', 'regenerate']) {
      const { status, response } = await timed(`${shop.url}/act/${how}`, cookie, 'POST');
      expect([status, response.headers.getSetCookie()]).toStrictEqual([503, []]);
    }
    server.resume();
  });

  it('that throws, or says what is none, is closed', async () => {
    const server = await dedicatedRedis();
    const redis = server.client({ retryStrategy: () => 50 });
    const shop = await openShop({
      redis,
      deadlineMs,
      onStoreFailure: (req) => {
        if (req.path === '/') throw new Error('no policy');
        return 'open' as 'closed';
      },
    });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    server.pause();
    expect((await timed(shop.url, cookie)).status).toBe(503);
    expect((await timed(`${shop.url}/devices`, cookie)).status).toBe(503);
    server.resume();
  });
});

describe('deadlineMs', () => {
  beforeAll(() => void eventLoop.enable());
  afterAll(() => void eventLoop.disable());

  it('is for a request with all its calls together', async () => {
    const proxy = await startProxy();
    const redis = proxy.client();
    const shop = await openShop({ redis, deadlineMs });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    await shop.visit.post('/set/theme/light').set('Cookie', cookie);
    proxy.delay(170, 'replies');
    // Either call would be in time.
    const { status, elapsedMs } = await timed(`${shop.url}/set/theme/dark`, cookie, 'POST');
    expect(status).toBe(503);
    expect(elapsedMs).toBeLessThan(deadlineMs + marginMs);
    expect((await timed(shop.url, cookie)).status).toBe(200);
  });

  it.each(['paused', 'killed'] as const)(
    'bounds every request while Redis is %s, and for 1 s after it is back',
    async (how) => {
      const server = await dedicatedRedis();
      const redis = server.client({ retryStrategy: () => 50 });
      const shop = await openShop({ redis, deadlineMs });
      const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
      let slowestMs = 0;
      const statuses = new Set<number>();
      const ask = async () => {
        const answers = await Promise.all([
          timed(shop.url, cookie),
          timed(`${shop.url}/set/theme/dark`, cookie, 'POST'),
          timed(shop.url, ''),
        ]);
        for (const { elapsedMs } of answers) slowestMs = Math.max(slowestMs, elapsedMs);
        for (const { status } of answers.slice(0, 2)) statuses.add(status);
        expect(answers[2]?.status).toBe(200);
      };
      await ask();
      statuses.clear();
      if (how === 'paused') server.pause();
      else await server.kill();
      for (let rounds = 0; rounds < (isFull ? 200 : 15); rounds += 1) await ask();
      expect([...statuses]).toStrictEqual([503]);
      expect(slowestMs).toBeLessThan(deadlineMs + marginMs + latenessMs());
      if (how === 'paused') server.resume();
      else await server.restart();
      await until(async () => (await timed(`${shop.url}/set/theme/dark`, '', 'POST')).status === 200, {
        timeoutMs: isFull ? 1_000 : 3_000,
      });
      if (isFull)
        process.stdout.write(
          `${how}: slowest answer ${Math.round(slowestMs)} ms, timers up to ${Math.round(latenessMs())} ms late\n`,
        );
    },
    60_000,
  );

  it('bounds every request while a master fails over, and the sessions are back within a second of the election', async () => {
    const sentinel: DedicatedSentinel = await dedicatedSentinel();
    const redis = sentinel.client({ retryStrategy: () => 50, sentinelRetryStrategy: () => 50 });
    const shop = await openShop({ redis, deadlineMs });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    expect(await redis.wait(1, 2_000)).toBe(1);
    const over = new AbortController();
    let slowestMs = 0;
    const odd: unknown[] = [];
    const asking = (async () => {
      for (let round = 0; !over.signal.aborted; round += 1) {
        const answer = await timed(`${shop.url}/set/n/${round}`, cookie, 'POST');
        slowestMs = Math.max(slowestMs, answer.elapsedMs);
        if (answer.status !== 200 && answer.status !== 503) odd.push(answer.status, answer.body);
      }
    })();
    await sentinel.failover();
    await until(async () => (await timed(`${shop.url}/set/theme/dark`, cookie, 'POST')).status === 200, {
      timeoutMs: isFull ? 1_000 : 5_000,
    });
    over.abort();
    await asking;
    expect(odd).toStrictEqual([]);
    expect(slowestMs).toBeLessThan(deadlineMs + marginMs + latenessMs());
    expect(JSON.parse((await timed(shop.url, cookie)).body)).toMatchObject({ userId: 'ann', data: { theme: 'dark' } });
    if (isFull)
      process.stdout.write(
        `failing over: slowest answer ${Math.round(slowestMs)} ms, timers up to ${Math.round(latenessMs())} ms late\n`,
      );
  }, 60_000);
});

describe('a 200', () => {
  it('is never given for a change that is not stored, whatever happens to the connection', async () => {
    const prefix = uniquePrefix('session');
    const proxy = await startProxy();
    const redis = proxy.client({ retryStrategy: () => 10 });
    const shop = await openShop({ prefix, redis, deadlineMs });
    const near = await openShop({ prefix, redis: connect() });
    const cookie = sessionCookie(await near.visit.post('/log-in/ann'));
    const random = randomBy(7);
    const stored = new Set<string>();
    let refused = 0;
    const rounds = isFull ? 150 : 30;
    for (let round = 0; round < rounds; round += 1) {
      const change = async (index: number) => {
        const name = `r${round}n${index}`;
        const { status } = await timed(`${shop.url}/set/${name}/1`, cookie, 'POST');
        if (status === 200) stored.add(name);
        else refused += 1;
      };
      // Some are under way when it happens, some come after it.
      const early = [change(0), change(1), change(2)];
      const fault = Math.floor(random() * 5);
      if (fault === 0) proxy.delay(300, random() < 0.5 ? 'requests' : 'replies');
      if (fault === 1) proxy.cut();
      if (fault === 2) await proxy.refuse();
      if (fault === 3) proxy.dropReplies(({ name }) => name === 'evalsha');
      await Promise.all([...early, change(3), change(4)]);
      await proxy.heal();
      await until(async () => (await timed(shop.url, cookie)).status === 200, { timeoutMs: 5_000 });
    }
    const { body } = await near.visit.get('/').set('Cookie', cookie);
    const missing = [...stored].filter((name) => body.data[name] !== '1');
    expect(missing).toStrictEqual([]);
    // Both happened, or nothing was tried.
    expect([stored.size > 20, refused > 20]).toStrictEqual([true, true]);
  }, 300_000);
});
