import { describe, expect, it } from '@jest/globals';
import { deferred, expressVersions, listen, until } from '@sallyport/testkit';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { site } from './fixture.js';
import { compression } from './layers.js';

/** What the client says of a response that breaks off. */
const CUT_OFF = /aborted|hang up|ECONNRESET|unexpected end/i;

describe.each(expressVersions)('only whole and shareable responses are stored, on $name', ({ express }) => {
  async function expectNeverStored(handler: RequestHandler, reason: string) {
    const shop = site(express);
    shop.serve(handler);
    const first = await shop.get('/');
    const second = await shop.get('/');
    expect([first.cache, second.cache]).not.toContain('HIT');
    expect(shop.runs.count).toBe(2);
    expect(shop.reasons()).toStrictEqual([reason, reason]);
    return { shop, first };
  }

  describe('Cache-Control', () => {
    it.each([
      ['private', 'private'],
      ['Private, Max-Age=60', 'private'],
      ['private="set-cookie"', 'private'],
      ['max-age=60, private="unbalanced', 'private'],
      ['no-store', 'no-store'],
      ['max-age=60,NO-STORE', 'no-store'],
      ['no-cache', 'no-cache'],
      ['max-age=0', 'not-fresh'],
      ['s-maxage=0, max-age=60', 'not-fresh'],
      ['max-age=soon', 'not-fresh'],
    ])('"%s" keeps a response out (RFC 9111 §5.2.2)', async (cacheControl, reason) => {
      await expectNeverStored((_req, res) => void res.set('Cache-Control', cacheControl).send('x'), reason);
    });

    it('keeps a response out by the second of two lines (RFC 9110 §5.3)', async () => {
      const lines = ['max-age=60', 'private'];
      await expectNeverStored((_req, res) => void res.setHeader('Cache-Control', lines).end('x'), 'private');
    });
  });

  describe('status', () => {
    it.each([400, 401, 403, 404, 405, 410, 429, 500, 502, 503])(
      '%i is not stored and not replayed as another',
      async (status) => {
        const { first } = await expectNeverStored((_req, res) => void res.status(status).send('x'), 'status');
        expect(first.status).toBe(status);
      },
    );

    it('stores 404 with its status when it says for how long (RFC 9110 §15.1)', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.status(404).set('Cache-Control', 'max-age=30').send('none'));
      await shop.get('/');
      expect(await shop.get('/')).toMatchObject({ cache: 'HIT', status: 404, text: 'none' });
    });

    it('keeps the answer of an error handler out', async () => {
      const shop = site(express);
      shop.serve((_req, _res, next) => next(new Error('no')));
      shop.app.use(((_error, _req, res, _next) => void res.status(500).send('sorry')) as ErrorRequestHandler);
      expect(await shop.get('/')).toMatchObject({ status: 500, cache: 'BYPASS', text: 'sorry' });
      expect(await shop.get('/')).toMatchObject({ status: 500, cache: 'BYPASS' });
    });

    it('keeps partial content out (RFC 9111 §3.3)', async () => {
      await expectNeverStored(
        (_req, res) => void res.status(206).set('Content-Range', 'bytes 0-1/10').send('xx'),
        'range',
      );
    });
  });

  describe('conditions on a miss', () => {
    it('stores the whole page although the first client has it already', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.set('ETag', '"v1"').send('whole page'));
      const first = await shop.get('/', { 'If-None-Match': '"v1"' });
      expect(first).toMatchObject({ status: 304, cache: 'MISS', text: '' });
      expect(first.headers).not.toHaveProperty('content-length');
      expect(await shop.get('/')).toMatchObject({ status: 200, cache: 'HIT', text: 'whole page' });
    });

    it('gives the handler its conditions back after the head, for logs', async () => {
      const shop = site(express);
      const seen: unknown[] = [];
      shop.serve((req, res) => {
        seen.push(req.headers['if-none-match']);
        res.send('x');
        seen.push(req.headers['if-none-match']);
      });
      await shop.get('/', { 'If-None-Match': '"v1"' });
      expect(seen).toStrictEqual([undefined, '"v1"']);
    });
  });

  describe('bodies', () => {
    it('stores nothing of a response that the server cuts off (RFC 9111 §3.3)', async () => {
      const shop = site(express);
      shop.serve((_req, res) => {
        res.write('half');
        res.destroy();
      });
      await expect(shop.get('/')).rejects.toThrow(CUT_OFF);
      await expect(shop.get('/')).rejects.toThrow(CUT_OFF);
      expect(shop.runs.count).toBe(2);
    });

    it('stores nothing of a response that a client leaves and the handler never ends', async () => {
      const shop = site(express);
      const closed = deferred();
      shop.serve((_req, res) => {
        if (shop.runs.count > 1) return void res.send('whole');
        res.on('close', () => closed.resolve());
        res.write('half');
        return undefined;
      });
      const { server, close } = await listen(shop.app);
      await cutAfterFirstByte(server.address());
      await closed.promise;
      expect(await shop.get('/')).toMatchObject({ text: 'whole', cache: 'MISS' });
      await close();
    });

    it('stores the whole response when the client leaves but the handler finishes', async () => {
      const shop = site(express, { key: () => 'report' });
      const closed = deferred();
      shop.serve(
        (_req, res) => {
          res.write('first half, ');
          res.on('close', () => {
            res.end('second half');
            closed.resolve();
          });
        },
        { before: [(req, _res, next) => ((req.headers.host = 'shop.example'), next())] },
      );
      const { server, close } = await listen(shop.app);
      await cutAfterFirstByte(server.address());
      await closed.promise;
      await until(() => shop.events.some(({ type }) => type === 'stored'));
      expect(await shop.get('/')).toMatchObject({ cache: 'HIT', text: 'first half, second half' });
      await close();
    });

    it('stores nothing that is shorter than its Content-Length (RFC 9111 §3.3)', async () => {
      const shop = site(express);
      shop.serve((_req, res) => {
        res.setHeader('Content-Length', 100);
        res.write('short');
        res.end();
      });
      await expect(shop.get('/')).rejects.toThrow(CUT_OFF);
      expect(shop.reasons()).toStrictEqual(['truncated']);
    });

    it('sends a body over maxBodyBytes unchanged and stores none of it', async () => {
      const big = 'x'.repeat(5_000);
      const shop = site(express, { maxBodyBytes: 1_000 });
      shop.serve((req, res) => {
        if (req.path === '/announced') res.send(big);
        else Readable.from([big.slice(0, 900), big.slice(900)]).pipe(res);
      });
      for (const path of ['/announced', '/streamed']) {
        expect((await shop.get(path)).text).toBe(big);
        expect((await shop.get(path)).cache).not.toBe('HIT');
      }
      expect(new Set(shop.reasons())).toStrictEqual(new Set(['too-large']));
    });

    it('does not touch a stream of events', async () => {
      const events: RequestHandler = (_req, res) => {
        res.set('Content-Type', 'text/event-stream').write('data: 1\n\n');
        res.end();
      };
      await expectNeverStored(events, 'event-stream');
    });

    it('stores no response with trailers', async () => {
      await expectNeverStored((_req, res) => {
        res.setHeader('Trailer', 'X-Sum');
        res.write('x');
        res.addTrailers({ 'X-Sum': '1' });
        res.end();
      }, 'trailers');
      await expectNeverStored((_req, res) => {
        res.write('x');
        res.addTrailers({ 'X-Sum': '1' });
        res.end();
      }, 'trailers');
    });

    it('decodes what is written in another encoding as the client gets it', async () => {
      const shop = site(express);
      shop.serve((_req, res) => {
        res.setHeader('Content-Type', 'application/octet-stream');
        res.write('ff00', 'hex');
        res.write('é', 'latin1');
        res.end('AAEC', 'base64');
      });
      const first = await shop.get('/');
      expect(first.body.toString('hex')).toBe('ff00e9000102');
      expect(await shop.get('/')).toMatchObject({ cache: 'HIT', body: first.body });
    });

    it('keeps a copy of what is written, for handlers that use their buffer again', async () => {
      const shop = site(express);
      shop.serve((_req, res) => {
        const buffer = Buffer.from('one.');
        res.write(buffer, () => {
          buffer.write('two.');
          res.end(buffer);
        });
      });
      expect((await shop.get('/')).text).toBe('one.two.');
      expect((await shop.get('/')).text).toBe('one.two.');
    });
  });

  describe('headers', () => {
    it('replays none of the connection nor of the single request (RFC 9111 §3.1)', async () => {
      const shop = site(express);
      shop.serve((_req, res) => {
        res.set({
          Connection: 'X-Hop, close',
          'X-Hop': '1',
          'Keep-Alive': 'timeout=99',
          'X-RateLimit-Remaining': '3',
          RateLimit: 'r=3',
          'X-Request-Id': 'abc',
          'X-Kept': 'yes',
        });
        res.send('x');
      });
      await shop.get('/');
      const { headers, cache } = await shop.get('/');
      expect(cache).toBe('HIT');
      expect(headers).toMatchObject({ 'x-kept': 'yes' });
      for (const name of ['x-hop', 'x-ratelimit-remaining', 'ratelimit', 'x-request-id']) {
        expect(headers).not.toHaveProperty(name);
      }
      expect(headers['keep-alive']).not.toBe('timeout=99');
    });

    it('leaves the headers of layers in front to those layers', async () => {
      const shop = site(express);
      let count = 0;
      const outer: RequestHandler = (_req, res, next) => {
        res.setHeader('X-Outer', `${(count += 1)}`);
        next();
      };
      shop.serve((_req, res) => void res.send('x'), { before: [outer] });
      expect((await shop.get('/')).headers['x-outer']).toBe('1');
      expect((await shop.get('/')).headers['x-outer']).toBe('2');
    });

    it('keep what a layer in front appends to a list with the one response', async () => {
      const shop = site(express);
      const append: RequestHandler = (_req, res, next) => {
        const writeHead = res.writeHead.bind(res) as (status: number) => typeof res;
        res.writeHead = ((status: number) => {
          res.appendHeader('Link', '<c>');
          return writeHead(status);
        }) as typeof res.writeHead;
        next();
      };
      shop.serve((_req, res) => void res.setHeader('Link', ['<a>', '<b>']).end('x'), { before: [append] });
      await shop.get('/');
      for (let hit = 0; hit < 3; hit += 1) expect((await shop.get('/')).headers['link']).toBe('<a>, <b>, <c>');
    });

    it('works once when two caches stand on one route', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.send('x'), { after: [site(express).cached] });
      expect(await shop.get('/')).toMatchObject({ cache: 'MISS', text: 'x' });
      expect(await shop.get('/')).toMatchObject({ cache: 'HIT', text: 'x' });
    });
  });

  describe('compression', () => {
    const text = 'compressible '.repeat(200);
    const handlers: Record<string, RequestHandler> = {
      send: (_req, res) => void res.send(text),
      stream: (_req, res) => void Readable.from([text.slice(0, 700), text.slice(700)]).pipe(res),
    };

    it.each(['in front of', 'behind'])('%s the cache: each client gets what it can read', async (where) => {
      for (const [name, handler] of Object.entries(handlers)) {
        const shop = site(express);
        shop.serve(handler, where === 'behind' ? { after: [compression] } : { before: [compression] });
        for (const round of ['first', 'second']) {
          const plain = await shop.get(`/${name}`, { 'Accept-Encoding': 'identity' });
          expect(plain.headers).not.toHaveProperty('content-encoding');
          expect(plain.text).toBe(text);
          const zipped = await shop.get(`/${name}`, { 'Accept-Encoding': 'gzip, br' });
          expect(zipped.headers['content-encoding']).toBe('gzip');
          expect(zipped.headers['vary']).toMatch(/accept-encoding/i);
          // supertest has unpacked it: bytes that are not gzip would have failed there.
          expect(zipped.text).toBe(text);
          if (round === 'second') expect([plain.cache, zipped.cache]).toStrictEqual(['HIT', 'HIT']);
        }
      }
    });

    it('gives encoded bytes only to those who take them, also when the handler forgets Vary', async () => {
      const shop = site(express);
      shop.serve((req, res) => {
        if (!String(req.headers['accept-encoding']).includes('gzip')) return void res.send(text);
        return void res.set('Content-Encoding', 'gzip').send(gzipSync(text));
      });
      await shop.get('/', { 'Accept-Encoding': 'gzip' });
      const plain = await shop.get('/', { 'Accept-Encoding': 'identity' });
      expect(plain.headers).not.toHaveProperty('content-encoding');
      expect(plain.text).toBe(text);
    });

    it('stores nothing of a compressed response that breaks off', async () => {
      const shop = site(express);
      const half = gzipSync(text).subarray(0, 20);
      shop.serve((_req, res) => {
        res.set('Content-Encoding', 'gzip');
        res.write(half);
        res.destroy();
      });
      await expect(shop.get('/', { 'Accept-Encoding': 'gzip' })).rejects.toThrow(CUT_OFF);
      expect(await shop.cached.get('/')).toBeUndefined();
    });
  });
});

/** Sends a GET, waits for the first byte of the answer and cuts the connection. */
function cutAfterFirstByte(address: unknown): Promise<void> {
  const { port } = address as { port: number };
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n'));
    socket.once('data', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
