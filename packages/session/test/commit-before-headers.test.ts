import type { RequestListener } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { deferred, listen } from '@sallyport/testkit';
import { commitBeforeHeaders, type ResponseCommit } from '../src/commit-before-headers.js';

describe('commitBeforeHeaders()', () => {
  /** Serves `listener` behind a commit that the test settles. */
  async function serve(listener: RequestListener, overrides: Partial<ResponseCommit> = {}) {
    const saved = deferred();
    const { url } = await listen((req, res) => {
      commitBeforeHeaders(res, {
        isNeeded: () => true,
        run: () => saved.promise,
        settle: () => undefined,
        refuse: () => res.writeHead(503).end('refused'),
        ...overrides,
      });
      listener(req, res);
    });
    return { url, saved };
  }

  it('makes the response look sent while it waits', async () => {
    const seen: unknown[] = [];
    const { url, saved } = await serve((_req, res) => {
      res.end('body');
      seen.push(res.headersSent, res.writableEnded);
      for (const change of [
        () => res.setHeader('X', '1'),
        () => res.removeHeader('X'),
        () => res.appendHeader('X', '1'),
      ])
        try {
          change();
        } catch (error) {
          seen.push(Reflect.get(error as object, 'code'));
        }
      res.statusCode = 500;
      res.end('again');
      saved.resolve();
    });
    const response = await fetch(url);
    expect([response.status, await response.text()]).toStrictEqual([200, 'body']);
    expect(seen).toStrictEqual([true, true, ...Array.from({ length: 3 }, () => 'ERR_HTTP_HEADERS_SENT')]);
  });

  it('answers false to write() while it waits, and drains afterwards', async () => {
    const { url, saved } = await serve((_req, res) => {
      const isWritable = res.write('a');
      res.once('drain', () => res.end(String(isWritable)));
      saved.resolve();
    });
    expect(await (await fetch(url)).text()).toBe('afalse');
  });

  it('lets a writer go on, to no effect, after a refusal', async () => {
    const { url, saved } = await serve((_req, res) => {
      res.write('a');
      res.once('drain', () => {
        res.write('b');
        res.end('c');
      });
      saved.reject(new Error('not saved'));
    });
    const response = await fetch(url);
    expect([response.status, await response.text()]).toStrictEqual([503, 'refused']);
  });

  it('passes everything synchronously when there is nothing to save', async () => {
    const seen: unknown[] = [];
    const listener: RequestListener = (_req, res) => {
      res.writeHead(202, 'Noted', { 'X-A': '1' });
      seen.push(res.headersSent, res.write('x'));
      res.end();
      seen.push(res.writableEnded);
    };
    const { url } = await serve(listener, { isNeeded: () => false });
    const response = await fetch(url);
    expect([response.status, response.statusText, response.headers.get('x-a')]).toStrictEqual([202, 'Noted', '1']);
    expect(seen).toStrictEqual([true, true, true]);
  });

  it('turns a header that Node refuses into an error response and not into a hanging one', async () => {
    const { url, saved } = await serve((_req, res) => {
      res.writeHead(99);
      res.end('never');
      saved.resolve();
    });
    expect(await (await fetch(url)).text()).toBe('refused');
  });

  it('is not disturbed by a client that has gone', async () => {
    const arrived = deferred();
    const closed = deferred();
    const { url, saved } = await serve((req, res) => {
      res.once('close', () => closed.resolve());
      res.end('body');
      if (req.url === '/') arrived.resolve();
    });
    const controller = new AbortController();
    const outcome = fetch(url, { signal: controller.signal }).catch(() => 'aborted');
    await arrived.promise;
    controller.abort();
    expect(await outcome).toBe('aborted');
    await closed.promise;
    saved.resolve();
    expect(await (await fetch(`${url}/next`)).text()).toBe('body');
  });
});
