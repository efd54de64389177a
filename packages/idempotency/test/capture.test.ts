import { describe, expect, it } from '@jest/globals';
import type { RequestHandler, Response } from 'express';
import { connect, deferred, expressVersions, listen, startProxy, uniquePrefix, until } from '@sallyport/testkit';
import { request as httpRequest } from 'node:http';
import { fileURLToPath } from 'node:url';
import request from 'supertest';
import { idempotency } from '@sallyport/idempotency';
import { exchange, headerOf } from './exchange.js';
import { openShop, placeOrder } from './shop.js';

const once = () =>
  idempotency({ redis: connect(), scope: 'public', prefix: uniquePrefix('capture'), deadlineMs: 5_000 });

/** Middleware as `on-headers` makes it: adds a header when the head is about to be written. */
const addsHeaderLate =
  (name: string): RequestHandler =>
  (_req, res, next) => {
    const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => Response;
    let isDone = false;
    res.writeHead = function late(this: Response, ...args: unknown[]) {
      expect(isDone).toBe(false);
      isDone = true;
      this.setHeader(name, 'late');
      return writeHead(...args);
    } as typeof res.writeHead;
    next();
  };

/** Delays calls of `end` on this response. */
function holdsEndUntil(res: Response, gate: Promise<void>): void {
  const end = res.end.bind(res) as (...args: unknown[]) => Response;
  res.end = function late(this: Response, ...args: unknown[]) {
    void gate.then(() => end(...args));
    return this;
  } as typeof res.end;
}

/** Middleware as `express-session` is: holds `end` back until something was written elsewhere. */
const holdsEnd: RequestHandler = (_req, res, next) => {
  const end = res.end.bind(res) as (...args: unknown[]) => Response;
  res.end = function held(this: Response, ...args: unknown[]) {
    setImmediate(() => end(...args));
    return this;
  } as typeof res.end;
  next();
};

describe.each(expressVersions)('an answer on its way on $name', ({ express }) => {
  const headers = { 'Idempotency-Key': '"a"' };

  it.each(['above', 'below'])('keeps company with middleware %s it', async (where) => {
    const others = [addsHeaderLate('X-Late'), holdsEnd];
    const app = express();
    app.post('/', ...(where === 'above' ? [...others, once()] : [once(), ...others]), placeOrder);
    const { url } = await listen(app);
    const first = await exchange(url, { headers });
    const second = await exchange(url, { headers });
    expect(first.status).toBe(201);
    expect(headerOf(first, 'x-late')).toBe('late');
    expect(headerOf(second, 'x-late')).toBe('late');
    expect(second.body).toBe(first.body);
    expect(headerOf(second, 'idempotency-replayed')).toBe('true');
  });

  it('has been kept when its last byte arrives', async () => {
    const shop = await openShop(express);
    for (let round = 0; round < 40; round += 1) {
      const key = `"round ${round}"`;
      await request(shop.url).post('/').set('Idempotency-Key', key).expect(201);
      await request(shop.url).post('/').set('Idempotency-Key', key).expect('Idempotency-Replayed', 'true');
    }
    expect(shop.runs()).toBe(40);
  });

  it.each(['a write that reaches Content-Length', 'the end of a file'])(
    'has been kept when its last byte arrives, though nobody has called end: %s',
    async (what) => {
      const gate = deferred();
      const shop = await openShop(express, (_req, res) => {
        const isFile = what.endsWith('file');
        // As a handler that is slow to call it, or forgets to.
        if (isFile) holdsEndUntil(res, gate.promise);
        if (isFile) return res.sendFile(fileURLToPath(import.meta.url));
        res.set('Content-Length', '8').write('half');
        setImmediate(() => res.write('half', () => void gate.promise.then(() => res.end())));
      });
      const first = await exchange(shop.url, { headers });
      const second = await exchange(shop.url, { headers });
      expect(second.body).toBe(first.body);
      expect(headerOf(second, 'idempotency-replayed')).toBe('true');
      gate.resolve();
    },
  );

  it('ends when the handler ended it while its last write was held', async () => {
    const hasFinished = deferred();
    const shop = await openShop(express, (_req, res) => {
      res.once('finish', () => hasFinished.resolve());
      res.set('Content-Length', '4').write('half', () => undefined);
      res.end();
      res.end();
    });
    expect((await exchange(shop.url, { headers })).body).toBe('half');
    await hasFinished.promise;
  });

  it('streams meanwhile: earlier bytes do not wait for the last ones', async () => {
    const gate = deferred();
    const shop = await openShop(express, (_req, res) => {
      res.write('early');
      void gate.promise.then(() => res.end('late'));
    });
    const received: string[] = [];
    httpRequest(shop.url, { method: 'POST', headers, agent: false }, (response) => {
      response.setEncoding('utf8').on('data', (text: string) => received.push(text));
    }).end();
    await until(() => received.includes('early'));
    expect(received).toStrictEqual(['early']);
    gate.resolve();
    await until(() => received.join('') === 'earlylate');
    expect((await exchange(shop.url, { headers })).body).toBe('earlylate');
  });

  it('holds its last byte back until Redis has answered', async () => {
    const proxy = await startProxy();
    const shop = await openShop(
      express,
      (_req, res) => {
        proxy.delay(400);
        res.json({});
      },
      { redis: proxy.client() },
    );
    const startedAt = performance.now();
    await exchange(shop.url, { headers });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(395);
  });

  it('looks begun and ended while it is held, so that error handlers leave it alone', async () => {
    const seen: unknown[] = [];
    const app = express();
    app.post(
      '/',
      once(),
      (_req, res, next) => {
        res.json({ is: 'the answer' });
        next();
      },
      (_req, res) => {
        seen.push([res.headersSent, res.writableEnded]);
        res.statusCode = 500;
        res.setHeader('X-Late', '1');
        expect(res.write('more')).toBe(false);
        res.end('more');
      },
    );
    const { url } = await listen(app);
    for (const _turn of ['first', 'replay']) {
      const { status, body, ...answer } = await exchange(url, { headers });
      expect({ status, body }).toStrictEqual({ status: 200, body: '{"is":"the answer"}' });
      expect(headerOf({ status, body, ...answer }, 'x-late')).toBeUndefined();
    }
    expect(seen).toStrictEqual([[true, true]]);
  });

  it('lets Node refuse wrong calls when they are made, and the error handler answer', async () => {
    const wrong: Record<string, (res: Response) => unknown> = {
      status: (res) => {
        res.statusCode = 1_000;
        return res.end();
      },
      chunk: (res) => res.end({} as string),
      header: (res) => res.writeHead(200, { 'X-Bad': 'a\nb' }),
    };
    const app = express();
    app.set('env', 'test');
    app.post('/:what', once(), (req, res) => void wrong[String(req.params['what'])]?.(res));
    const { url } = await listen(app);
    for (const what of Object.keys(wrong)) {
      expect((await exchange(`${url}/${what}`, { headers })).status).toBe(500);
    }
  });

  it('is kept when the client has gone before it began', async () => {
    const isRunning = deferred();
    const gate = deferred();
    const shop = await openShop(express, (req, res, next) => {
      isRunning.resolve();
      res.once('close', () => gate.resolve());
      void gate.promise.then(() => placeOrder(req, res, next));
    });
    const leaving = httpRequest(shop.url, { method: 'POST', headers, agent: false });
    leaving.on('error', () => undefined);
    leaving.end();
    await isRunning.promise;
    leaving.destroy();
    await until(() => shop.types().includes('kept'));
    const again = await exchange(shop.url, { headers });
    expect(again.status).toBe(201);
    expect(headerOf(again, 'idempotency-replayed')).toBe('true');
    expect(shop.runs()).toBe(1);
  });

  it('blocks its key for one lease only when it was broken off half-way', async () => {
    const shop = await openShop(
      express,
      (_req, res) => {
        res.write('half of it');
        if (shop.runs() > 1) res.end();
        else setImmediate(() => res.destroy());
      },
      { leaseMs: 500 },
    );
    await expect(exchange(shop.url, { headers })).rejects.toThrow('aborted');
    const startedAt = performance.now();
    await until(async () => (await exchange(shop.url, { headers })).status === 200, { timeoutMs: 10_000, everyMs: 25 });
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    expect(shop.runs()).toBe(2);
  });
});
