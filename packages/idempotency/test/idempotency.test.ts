import { describe, expect, it } from '@jest/globals';
import express from 'express';
import {
  connect,
  deferred,
  expectTtlOnAllKeys,
  expressVersions,
  listen,
  uniquePrefix,
  until,
} from '@sallyport/testkit';
import request from 'supertest';
import { idempotency, problemTypes } from '@sallyport/idempotency';
import { recordId } from '../src/record-id.js';
import { newKey, openShop, placeOrder } from './shop.js';

const quoted = (key: string) => `"${key}"`;

describe.each(expressVersions)('idempotency() on $name', ({ express }) => {
  describe('when a request is sent again', () => {
    it('gives the first answer again, marked, and runs nothing', async () => {
      const shop = await openShop(express);
      const send = () => request(shop.url).post('/orders').set('Idempotency-Key', '"a"').send({ item: 7 });
      const first = await send().expect(201);
      const second = await send().expect(201);
      expect(second.body).toStrictEqual(first.body);
      expect(first.headers).not.toHaveProperty('idempotency-replayed');
      expect(second.headers).toHaveProperty('idempotency-replayed', 'true');
      expect(shop.runs()).toBe(1);
      expect(shop.types()).toStrictEqual(['claimed', 'kept', 'replayed']);
    });

    it('takes a bare key for the same as a quoted one', async () => {
      const shop = await openShop(express);
      await request(shop.url).post('/orders').set('Idempotency-Key', 'abc').expect(201);
      const again = await request(shop.url).post('/orders').set('Idempotency-Key', '"abc"').expect(201);
      expect(again.headers).toHaveProperty('idempotency-replayed', 'true');
    });

    it('takes the same JSON in another order of keys for the same payload', async () => {
      const shop = await openShop(express);
      const post = (body: string) =>
        request(shop.url).post('/').set('Idempotency-Key', '"a"').type('json').send(body).expect(201);
      await post('{"a":1,"b":[1,2]}');
      expect((await post('{ "b": [1, 2], "a": 1 }')).headers).toHaveProperty('idempotency-replayed', 'true');
    });

    it('answers with another key anew', async () => {
      const shop = await openShop(express);
      await request(shop.url).post('/orders').set('Idempotency-Key', '"a"').expect(201);
      await request(shop.url).post('/orders').set('Idempotency-Key', '"b"').expect(201);
      expect(shop.runs()).toBe(2);
    });
  });

  describe('what a key belongs to', () => {
    it.each([
      ['another user', { user: 'eve' }],
      ['another method', { method: 'patch' }],
      ['another path', { path: '/refunds' }],
    ] as const)('is not shared with %s', async (_what, change) => {
      const shop = await openShop(express);
      const send = async ({ user, method, path }: { user: string; method: 'post' | 'patch'; path: string }) =>
        request(shop.url)[method](path).set('X-User', user).set('Idempotency-Key', '"a"');
      const order = { user: 'ann', method: 'post', path: '/orders' } as const;
      const first = await send(order);
      const other = await send({ ...order, ...change });
      expect(other.headers).not.toHaveProperty('idempotency-replayed');
      expect(other.body).not.toStrictEqual(first.body);
      expect(shop.runs()).toBe(2);
    });

    it('is not shared by two routers that are mounted at different paths', async () => {
      const once = idempotency({ redis: connect(), scope: 'public', prefix: uniquePrefix('mount'), deadlineMs: 5_000 });
      const app = express();
      app.use('/shop', express.Router().post('/orders', once, placeOrder));
      app.use('/bank', express.Router().post('/orders', once, placeOrder));
      const { url } = await listen(app);
      const shop = await request(url).post('/shop/orders').set('Idempotency-Key', '"a"');
      const bank = await request(url).post('/bank/orders').set('Idempotency-Key', '"a"');
      expect(bank.body).not.toStrictEqual(shop.body);
    });

    it.each([
      ['a body', { body: { item: 8 } }],
      ['a query', { path: '/orders?express=1' }],
      ['the lack of a body', { body: undefined }],
    ])('answers 422 for %s that differs, and runs nothing (draft-07 §2.7)', async (_what, change) => {
      const shop = await openShop(express);
      const { path, body }: { path: string; body: object | undefined } = {
        path: '/orders',
        body: { item: 7 },
        ...change,
      };
      await request(shop.url).post('/orders').set('Idempotency-Key', '"a"').send({ item: 7 }).expect(201);
      const other = await request(shop.url).post(path).set('Idempotency-Key', '"a"').send(body).expect(422);
      expect(other.headers['content-type']).toBe('application/problem+json');
      expect(other.body).toMatchObject({ type: problemTypes.keyReused, status: 422 });
      expect(shop.runs()).toBe(1);
      expect(shop.types()).toStrictEqual(['claimed', 'kept', 'mismatch']);
    });
  });

  describe('while the first request is running', () => {
    async function withOneRunning() {
      const gate = deferred();
      const isRunning = deferred();
      const shop = await openShop(express, (req, res, next) => {
        isRunning.resolve();
        void gate.promise.then(() => placeOrder(req, res, next));
      });
      const send = (body: object) => request(shop.url).post('/orders').set('Idempotency-Key', '"a"').send(body);
      const first = send({ item: 7 }).then((response) => response);
      await isRunning.promise;
      return { shop, send, first, finish: () => gate.resolve() };
    }

    it('answers 409 with the time that its lease has left (draft-07 §2.7)', async () => {
      const { shop, send, first, finish } = await withOneRunning();
      const second = await send({ item: 7 }).expect(409);
      expect(second.body).toMatchObject({ type: problemTypes.inProgress, status: 409 });
      expect(Number(second.headers['retry-after'])).toBeGreaterThanOrEqual(8);
      expect(Number(second.headers['retry-after'])).toBeLessThanOrEqual(10);
      finish();
      expect((await first).status).toBe(201);
      expect((await send({ item: 7 })).headers).toHaveProperty('idempotency-replayed', 'true');
      expect(shop.runs()).toBe(1);
    });

    it('answers 422 rather than 409 for another payload', async () => {
      const { send, first, finish } = await withOneRunning();
      await send({ item: 8 }).expect(422);
      finish();
      await first;
    });
  });

  describe('the header', () => {
    it('may be left out: the request runs unprotected', async () => {
      const shop = await openShop(express);
      await request(shop.url).post('/orders').expect(201);
      await request(shop.url).post('/orders').expect(201);
      expect(shop.runs()).toBe(2);
      expect(shop.types()).toStrictEqual([]);
    });

    it('is answered with 400 when it is required and missing (draft-07 §2.7)', async () => {
      const shop = await openShop(express, placeOrder, { required: true });
      const { body } = await request(shop.url).post('/orders').expect(400);
      expect(body).toMatchObject({ type: problemTypes.keyMissing, status: 400 });
      expect(shop.runs()).toBe(0);
    });

    it.each(['', '""', '"open', 'two words', '"a", "b"', 'a,b', '"ä"', `"${'x'.repeat(256)}"`])(
      'is answered with 400 when it is malformed: %p (RFC 9651 §3.3.3)',
      async (value) => {
        const shop = await openShop(express);
        const { body } = await request(shop.url).post('/orders').set('Idempotency-Key', value).expect(400);
        expect(body).toMatchObject({ type: problemTypes.keyMalformed });
        expect(shop.runs()).toBe(0);
      },
    );

    it('may have another name, and must have quotes if acceptBareKey is false', async () => {
      const shop = await openShop(express, placeOrder, { header: 'X-Request-Key', acceptBareKey: false });
      await request(shop.url).post('/orders').set('X-Request-Key', 'a').expect(400);
      await request(shop.url).post('/orders').set('X-Request-Key', '"a"').expect(201);
      await request(shop.url).post('/orders').set('X-Request-Key', '"a"').expect('Idempotency-Replayed', 'true');
    });

    it('means nothing for methods that are not protected', async () => {
      const shop = await openShop(express);
      for (const method of ['get', 'put', 'delete'] as const) {
        await request(shop.url)[method]('/orders').set('Idempotency-Key', '"a"').expect(201);
      }
      expect(shop.types()).toStrictEqual([]);
    });
  });

  describe('which answers are kept', () => {
    it.each([200, 204, 303, 400, 404, 409, 422])('keeps %i', async (status) => {
      const shop = await openShop(express, (_req, res) => res.status(status).end());
      await request(shop.url).post('/').redirects(0).set('Idempotency-Key', '"a"').expect(status);
      await request(shop.url).post('/').redirects(0).set('Idempotency-Key', '"a"').expect(status);
      expect(shop.runs()).toBe(1);
    });

    it.each([408, 425, 429, 500, 503])('frees the key after %i, before the answer arrives', async (status) => {
      const shop = await openShop(express, (_req, res) => res.status(status).end());
      await request(shop.url).post('/').set('Idempotency-Key', '"a"').expect(status);
      await request(shop.url).post('/').set('Idempotency-Key', '"a"').expect(status);
      expect(shop.runs()).toBe(2);
      expect(await connect().keys(`${shop.prefix}*`)).toStrictEqual([]);
      expect(shop.types()).toStrictEqual(['claimed', 'released', 'claimed', 'released']);
    });

    it('frees the key after an error, thrown or handed on', async () => {
      const shop = await openShop(express, (req, _res, next) => {
        if (req.path === '/throw') throw new Error('thrown');
        next(new Error('handed on'));
      });
      for (const path of ['/throw', '/next']) {
        await request(shop.url).post(path).set('Idempotency-Key', '"a"').expect(500);
        await request(shop.url).post(path).set('Idempotency-Key', '"a"').expect(500);
      }
      expect(shop.runs()).toBe(4);
    });

    it('does not run again when the body is too large to be kept: 409 with status and Location', async () => {
      const shop = await openShop(
        express,
        (_req, res) => res.status(201).location('/reports/7').send(Buffer.alloc(2_000)),
        {
          maxBodyBytes: 1_999,
        },
      );
      const first = await request(shop.url).post('/').set('Idempotency-Key', '"a"').expect(201);
      expect(first.headers['content-length']).toBe('2000');
      const second = await request(shop.url).post('/').set('Idempotency-Key', '"a"').expect(409);
      expect(second.body).toMatchObject({ type: problemTypes.answerNotKept, originalStatus: 201 });
      expect(second.headers).toHaveProperty('location', '/reports/7');
      expect(shop.runs()).toBe(1);
    });
  });

  it("frees the key after a body that is too large to be kept, with onLargeBody: 'release'", async () => {
    const options = { maxBodyBytes: 10, onLargeBody: 'release' } as const;
    const shop = await openShop(express, (_req, res) => res.send('x'.repeat(11)), options);
    for (const run of [1, 2]) {
      await request(shop.url).post('/').set('Idempotency-Key', '"a"').expect(200);
      expect(shop.runs()).toBe(run);
    }
    const marked = await openShop(
      express,
      (req, res, next) => void req.idempotency?.markEffect().then(() => res.send('x'.repeat(11)), next),
      options,
    );
    await request(marked.url).post('/').set('Idempotency-Key', '"a"').expect(200);
    await request(marked.url).post('/').set('Idempotency-Key', '"a"').expect(409);
    expect(marked.runs()).toBe(1);
  });

  it('protects HEAD and GET if they are named: with the length, and without a body', async () => {
    const shop = await openShop(express, (_req, res) => res.send('twelve bytes'), { methods: ['GET', 'HEAD'] });
    for (const turn of ['first', 'replay']) {
      const head = await request(shop.url).head('/').set('Idempotency-Key', '"a"').expect(200);
      expect([turn, head.headers['content-length'], head.text]).toStrictEqual([turn, '12', undefined]);
      const get = await request(shop.url).get('/').set('Idempotency-Key', '"a"').expect(200);
      expect(get.text).toBe('twelve bytes');
    }
    expect(shop.runs()).toBe(2);
    await request(shop.url).post('/').set('Idempotency-Key', '"a"').expect(200);
    expect(shop.runs()).toBe(3);
  });

  it('tells how long answers are kept', async () => {
    const shop = await openShop(express, placeOrder, { retentionMs: 90_500 });
    for (const _turn of ['first', 'replay']) {
      await request(shop.url).post('/').set('Idempotency-Key', '"a"').expect('Idempotency-Retention', '90');
    }
    const { headers } = await request(shop.url).post('/');
    expect(headers).not.toHaveProperty('idempotency-retention');
  });

  describe('which headers are sent again', () => {
    it('sends what belongs to the answer, and not what belonged to its delivery', async () => {
      let requests = 0;
      const redis = connect();
      const once = idempotency({ redis, scope: 'public', prefix: uniquePrefix('headers'), deadlineMs: 5_000 });
      const app = express();
      app.use((_req, res, next) => {
        requests += 1;
        res.set({ 'X-Trace-Of-Ours': `request ${requests}`, 'X-RateLimit-Remaining': `${100 - requests}` });
        next();
      });
      app.post('/', once, (_req, res) => {
        res.cookie('session', 'secret').set({
          ETag: '"v1"',
          'X-Order': '7',
          'X-Request-Id': 'first',
          RateLimit: '"default";r=1',
          traceparent: '00-1-1-01',
        });
        res.json({});
      });
      const { url } = await listen(app);
      await request(url).post('/').set('Idempotency-Key', '"a"').expect('X-Request-Id', 'first');
      const { headers } = await request(url).post('/').set('Idempotency-Key', '"a"').expect(200);
      expect(headers).toMatchObject({
        etag: '"v1"',
        'x-order': '7',
        'x-trace-of-ours': 'request 2',
        'x-ratelimit-remaining': '98',
        'content-type': expect.stringContaining('application/json'),
      });
      for (const name of ['set-cookie', 'x-request-id', 'ratelimit', 'traceparent'])
        expect(headers).not.toHaveProperty(name);
    });
  });

  describe('req.idempotency', () => {
    it('tells the handler key, token and time, and loggers whether it was a replay', async () => {
      const seen: unknown[] = [];
      const shop = await openShop(express, (req, res) => {
        const { key, isReplay, token, remainingMs, signal } = req.idempotency ?? {};
        req.idempotency?.assertHeld();
        expect(remainingMs).toBeGreaterThan(5_000);
        expect(signal?.aborted).toBe(false);
        seen.push({ key, isReplay });
        res.json({ token });
      });
      const first = await request(shop.url).post('/').set('Idempotency-Key', '"a b"').expect(200);
      expect(seen).toStrictEqual([{ key: 'a b', isReplay: false }]);
      expect(Number.isSafeInteger(first.body.token)).toBe(true);
    });

    it('is there for loggers in a replay', async () => {
      const logged: unknown[] = [];
      const once = idempotency({
        redis: connect(),
        scope: 'public',
        prefix: uniquePrefix('replay'),
        deadlineMs: 5_000,
      });
      const app = express();
      app.use((req, res, next) => {
        res.once('finish', () => {
          req.idempotency?.assertHeld();
          logged.push([req.idempotency?.isReplay, req.idempotency?.token, req.idempotency?.signal.aborted]);
        });
        next();
      });
      app.post('/', once, (req, res) => res.json({ token: req.idempotency?.token }));
      const { url } = await listen(app);
      const { token } = (await request(url).post('/').set('Idempotency-Key', '"a"')).body;
      await request(url).post('/').set('Idempotency-Key', '"a"').expect(200, { token });
      await until(() => logged.length === 2);
      expect(logged).toStrictEqual([
        [false, token, false],
        [true, token, false],
      ]);
    });
  });

  describe('errors of the set-up, handed to next()', () => {
    async function codeOf(path: string, shop: { url: string }, prepare = (test: request.Test) => test) {
      const { status, body } = await prepare(request(shop.url).post(path).set('Idempotency-Key', '"a"'));
      return { status, code: body.code };
    }
    const reportCode: express.ErrorRequestHandler = (error, _req, res, _next) => {
      res.status(error.status ?? 500).json({ code: error.code });
    };

    it.each([[''], [undefined], [7]])('ERR_IDEMPOTENCY_SCOPE when scope() gives %p', async (value) => {
      const shop = await openShop(express, placeOrder, { scope: () => value as string });
      shop.app.use(reportCode);
      expect(await codeOf('/', shop)).toStrictEqual({ status: 500, code: 'ERR_IDEMPOTENCY_SCOPE' });
      expect(shop.runs()).toBe(0);
    });

    it('ERR_IDEMPOTENCY_BODY_NOT_PARSED when no parser has read the body', async () => {
      const shop = await openShop(express);
      shop.app.use(reportCode);
      const withXml = (test: request.Test) => test.type('application/xml').send('<order/>');
      expect(await codeOf('/', shop, withXml)).toStrictEqual({ status: 500, code: 'ERR_IDEMPOTENCY_BODY_NOT_PARSED' });
      const app = express();
      app.use(
        idempotency({ redis: connect(), scope: 'public', prefix: uniquePrefix('early') }),
        placeOrder,
        reportCode,
      );
      const { url } = await listen(app);
      const withJson = (test: request.Test) => test.send({ item: 7 });
      expect(await codeOf('/', { url }, withJson)).toMatchObject({ code: 'ERR_IDEMPOTENCY_BODY_NOT_PARSED' });
    });

    it('ERR_IDEMPOTENCY_BODY_NOT_COMPARABLE for multipart without fingerprint, and for deep nesting', async () => {
      const code = 'ERR_IDEMPOTENCY_BODY_NOT_COMPARABLE';
      const shop = await openShop(express);
      shop.app.use(reportCode);
      const withFile = (test: request.Test) => test.attach('file', Buffer.from('x'), 'x.txt');
      expect(await codeOf('/', shop, withFile)).toStrictEqual({ status: 500, code });
      const nested = (test: request.Test) => test.type('json').send(`${'['.repeat(5_000)}${']'.repeat(5_000)}`);
      expect(await codeOf('/', shop, nested)).toStrictEqual({ status: 400, code });
    });

    it('hands on what fingerprint and skip throw', async () => {
      for (const name of ['fingerprint', 'skip'] as const) {
        const fail = () => Promise.reject(Object.assign(new Error(name), { code: name }));
        const shop = await openShop(express, placeOrder, { [name]: fail });
        shop.app.use(reportCode);
        expect(await codeOf('/', shop)).toStrictEqual({ status: 500, code: name });
      }
    });
  });

  it('lets a request pass that is protected already, so that it may be mounted twice', async () => {
    const once = idempotency({ redis: connect(), scope: 'public', prefix: uniquePrefix('twice'), deadlineMs: 5_000 });
    const app = express();
    app.use(once);
    app.post('/', once, placeOrder);
    const { url } = await listen(app);
    const first = await request(url).post('/').set('Idempotency-Key', '"a"').expect(201);
    await request(url).post('/').set('Idempotency-Key', '"a"').expect(201, first.body);
  });

  it('takes what fingerprint gives in place of query and body', async () => {
    const shop = await openShop(express, placeOrder, { fingerprint: (req) => String(req.body.item) });
    const send = (body: object) => request(shop.url).post('/').set('Idempotency-Key', '"a"').send(body);
    await send({ item: 7, sentAt: 1 }).expect(201);
    await send({ item: 7, sentAt: 2 }).expect(201);
    await send({ item: 8, sentAt: 3 }).expect(422);
    expect(shop.runs()).toBe(1);
  });

  it('protects bytes and text as it does JSON', async () => {
    const shop = await openShop(express);
    for (const type of ['application/octet-stream', 'text/plain', 'application/x-www-form-urlencoded']) {
      const key = quoted(newKey());
      const send = (body: string) => request(shop.url).post('/').set('Idempotency-Key', key).type(type).send(body);
      await send('a=1').expect(201);
      await send('a=1').expect('Idempotency-Replayed', 'true');
      await send('a=2').expect(422);
    }
  });
});

describe('the handle of idempotency()', () => {
  it('shows and forgets a request, given itself or as the key of an event', async () => {
    const { url, once, events, ...shop } = await openShop(express);
    const order = { scope: 'ann', method: 'POST', path: '/orders', key: 'a' };
    const send = () => request(url).post('/orders').set('X-User', 'ann').set('Idempotency-Key', '"a"').expect(201);
    expect(await once.get(order)).toBeUndefined();
    expect(await once.delete(order)).toBe(false);
    await send();
    const state = { state: 'done', status: 201, token: expect.any(Number), remainingMs: expect.any(Number) };
    expect(await once.get(order)).toStrictEqual(state);
    expect(events[0]?.key).toBe(recordId(order));
    expect(await once.get(events[0]?.key ?? '')).toStrictEqual(state);
    expect(await once.delete(order)).toBe(true);
    await send();
    expect(shop.runs()).toBe(2);
  });

  it('counts what this process has seen', async () => {
    const { url, once } = await openShop(express);
    const send = (item: number) => request(url).post('/').set('Idempotency-Key', '"a"').send({ item });
    await send(7).expect(201);
    await send(7).expect(201);
    await send(8).expect(422);
    const none = { resumed: 0, waited: 0, conflicts: 0, outcomesUnknown: 0, released: 0, leasesLost: 0, refused: 0 };
    const counts = { claimed: 1, replayed: 1, mismatches: 1, kept: 1, storeFailures: 0, unprotected: 0 };
    expect(once.stats()).toStrictEqual({ ...none, ...counts });
  });

  it('writes one key per request, a digest that expires after retentionMs', async () => {
    const redis = connect();
    const { url, prefix } = await openShop(express, placeOrder, { retentionMs: 60_000 });
    await request(url).post('/secret-path').set('X-User', 'secret-user').set('Idempotency-Key', '"secret-key"');
    const keys = await redis.keys(`${prefix}*`);
    expect(keys).toHaveLength(1);
    const [key = ''] = keys;
    expect(JSON.stringify([key, await redis.hgetall(key)])).not.toContain('secret');
    await expectTtlOnAllKeys(redis, prefix);
    expect(await redis.pttl(key)).toBeLessThanOrEqual(60_000);
    expect(await redis.pttl(key)).toBeGreaterThan(50_000);
  });
});
