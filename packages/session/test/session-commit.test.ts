import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  deferred,
  expressVersions,
  startProxy,
  uniquePrefix,
  until,
  type Express,
  type FaultProxy,
} from '@sallyport/testkit';
import { cookiesOf, openShop, type ShopOptions } from './shop.js';

/** Routes that answer in every way that Node knows, each after a change of the session. */
const routes: NonNullable<ShopOptions['routes']> = (app, sessions) => {
  app.get('/redirect', (req, res) => {
    sessions.of(req).theme = 'dark';
    res.redirect('/');
  });
  app.get('/stream', (req, res) => {
    sessions.of(req).theme = 'streamed';
    const chunks = Array.from({ length: 50 }, (_, index) => `${index}:${'x'.repeat(5_000)}\n`);
    Readable.from(chunks).pipe(res);
  });
  app.get('/write', (req, res) => {
    sessions.of(req).theme = 'written';
    res.writeHead(201, { 'X-Kind': 'raw' });
    res.write('one,');
    res.write(Buffer.from('two,'), () => {
      res.write('three');
      res.end('.');
    });
  });
  app.get('/flush', (req, res) => {
    sessions.of(req).theme = 'flushed';
    res.type('text/event-stream').flushHeaders();
    res.end('data: 1\n\n');
  });
  app.get('/callback', (req, res) => {
    sessions.of(req).theme = 'ended';
    res.end('done', () => app.emit('ended'));
  });
  app.get('/head', (req, res) => {
    sessions.of(req).theme = 'head';
    res.set('ETag', '"1"').send('body');
  });
  app.get('/throws-after', (req, res) => {
    sessions.of(req).theme = 'thrown';
    res.json({ from: 'handler' });
    throw new Error('after the response');
  });
  app.get('/unserialisable', (req, res) => {
    sessions.of(req)['count'] = 1n;
    res.json({ ok: true });
  });
};

/** A shop far from its Redis, and one beside it that sees what is stored. */
async function openShops(express: Express) {
  const proxy = await startProxy();
  const prefix = uniquePrefix('session');
  const redis = proxy.client({ retryStrategy: () => 20, maxRetriesPerRequest: 0, enableOfflineQueue: false });
  const far = await openShop({ express, redis, prefix, routes, deadlineMs: 1_000 });
  const near = await openShop({ express, prefix });
  await until(() => redis.status === 'ready');
  // The scripts get known, so that a later failure is that of a commit and nothing else.
  await far.visit.post('/set/a/b');
  return { proxy, far, near };
}

function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}

describe.each(expressVersions)('a response that changed its session, on $name', ({ express }) => {
  it('is held back until the session is saved: who follows a redirect at once finds the data', async () => {
    const { proxy, far, near } = await openShops(express);
    for (let round = 0; round < 25; round += 1) {
      proxy.delay(round * 2, 'requests');
      const redirect = await fetch(`${far.url}/redirect`, { redirect: 'manual' });
      expect(redirect.status).toBe(302);
      const { body } = await near.visit.get('/').set('Cookie', cookieOf(redirect));
      expect(body.data).toStrictEqual({ theme: 'dark' });
    }
  });

  it('is a 503 without Set-Cookie, and without the headers of the success, when saving fails', async () => {
    const { proxy, far } = await openShops(express);
    await proxy.refuse();
    const response = await fetch(`${far.url}/redirect`, { redirect: 'manual' });
    expect(response.status).toBe(503);
    expect(response.headers.getSetCookie()).toStrictEqual([]);
    expect(response.headers.get('location')).toBeNull();
    expect(response.headers.get('retry-after')).toBe('1');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toMatchObject({ status: 503 });
    expect(far.events).toContainEqual(expect.objectContaining({ type: 'store-failure', operation: 'commit' }));
  });

  it('is a 503 within the deadline when Redis swallows the commit, and nothing changes for the session', async () => {
    const { proxy, far, near } = await openShops(express);
    const first = await fetch(`${near.url}/set/theme/light`, { method: 'POST' });
    const started = performance.now();
    proxy.dropReplies(({ name }) => name === 'evalsha');
    const response = await fetch(`${far.url}/set/theme/dark`, { method: 'POST' });
    expect(response.status).toBe(503);
    expect(performance.now() - started).toBeLessThan(3_000);
    const { body } = await near.visit.get('/').set('Cookie', cookieOf(first));
    expect(body.data).toStrictEqual({ theme: 'light' });
  });

  it.each([
    ['/stream', 'streamed', 200],
    ['/write', 'written', 201],
    ['/flush', 'flushed', 200],
    ['/callback', 'ended', 200],
    ['/head', 'head', 200],
  ])('commits before the first byte and arrives whole: %s', async (path, theme, status) => {
    const { proxy, far, near } = await openShops(express);
    proxy.delay(30, 'requests');
    const response = await fetch(far.url + path);
    expect(response.status).toBe(status);
    expect((await near.visit.get('/').set('Cookie', cookieOf(response))).body.data).toStrictEqual({ theme });
    const text = await response.text();
    if (path === '/write') expect([text, response.headers.get('x-kind')]).toStrictEqual(['one,two,three.', 'raw']);
    if (path === '/stream') expect(text.split('\n')).toHaveLength(51);
    if (path === '/head') expect([text, response.headers.get('etag')]).toStrictEqual(['body', '"1"']);
  });

  it.each(['/stream', '/write', '/flush', '/callback', '/head'])(
    'becomes a 503 when saving fails: %s',
    async (path) => {
      const { proxy, far } = await openShops(express);
      await proxy.refuse();
      const response = await fetch(far.url + path);
      expect(response.status).toBe(503);
      expect(response.headers.getSetCookie()).toStrictEqual([]);
      expect(await response.json()).toMatchObject({ status: 503 });
    },
  );

  it('answers HEAD and conditional requests as it would without the wait', async () => {
    const { far } = await openShops(express);
    const head = await fetch(`${far.url}/head`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), cookieOf(head) !== '']).toStrictEqual([200, '4', true]);
    const conditional = await far.visit.get('/head').set('If-None-Match', '"1"');
    expect([conditional.status, cookiesOf(conditional)]).toStrictEqual([304, [expect.stringMatching(/^sid=s/)]]);
  });

  it('calls the callback of end()', async () => {
    const { far } = await openShops(express);
    const ended = new Promise((resolve) => far.app.once('ended', () => resolve('called')));
    await fetch(`${far.url}/callback`);
    expect(await ended).toBe('called');
  });

  it('never mixes two responses when the handler throws after it answered', async () => {
    const { proxy, far } = await openShops(express);
    proxy.delay(30, 'requests');
    const outcome = await fetch(`${far.url}/throws-after`).then(
      async (response) => [response.status, await response.text()],
      () => 'connection closed',
    );
    expect([JSON.stringify([200, '{"from":"handler"}']), '"connection closed"']).toContain(JSON.stringify(outcome));
  });

  it('is a 500 when the data has no JSON form, and the process lives on', async () => {
    const { far } = await openShops(express);
    const response = await fetch(`${far.url}/unserialisable`);
    expect(response.status).toBe(500);
    expect(response.headers.getSetCookie()).toStrictEqual([]);
    expect((await fetch(far.url)).status).toBe(200);
  });
});

describe('a stream that changes its session after its headers', () => {
  const gate = { current: deferred() };
  let proxy: FaultProxy;
  const lateRoutes: NonNullable<ShopOptions['routes']> = (app, sessions) => {
    app.get('/late', async (req, res) => {
      res.write('begun,');
      await gate.current.promise;
      sessions.of(req).theme = 'late';
      res.end('done');
    });
  };

  beforeEach(async () => {
    gate.current = deferred();
    proxy = await startProxy();
  });

  it('saves a session that was there before the last byte', async () => {
    const shop = await openShop({ routes: lateRoutes });
    const cookie = cookieOf(await fetch(`${shop.url}/set/a/b`, { method: 'POST' }));
    const response = await fetch(`${shop.url}/late`, { headers: { cookie } });
    gate.current.resolve();
    expect(await response.text()).toBe('begun,done');
    expect((await shop.visit.get('/').set('Cookie', cookie)).body.data).toStrictEqual({ a: 'b', theme: 'late' });
  });

  it('breaks off when that fails: the client must not take the response for whole', async () => {
    const redis = proxy.client({ retryStrategy: () => 20, maxRetriesPerRequest: 0, enableOfflineQueue: false });
    const shop = await openShop({ redis, routes: lateRoutes });
    await until(() => redis.status === 'ready');
    const cookie = cookieOf(await fetch(`${shop.url}/set/a/b`, { method: 'POST' }));
    const response = await fetch(`${shop.url}/late`, { headers: { cookie } });
    await proxy.refuse();
    gate.current.resolve();
    await expect(response.text()).rejects.toThrow('terminated');
  });

  it('does not save a new one, whose cookie can no longer be set, and says so', async () => {
    const shop = await openShop({ routes: lateRoutes });
    const response = await fetch(`${shop.url}/late`);
    gate.current.resolve();
    expect(await response.text()).toBe('begun,done');
    expect(shop.events).toStrictEqual([{ type: 'not-saved', reason: 'headers-sent' }]);
  });
});
