import { expect } from '@jest/globals';
import { middlewareContract, until } from '@sallyport/testkit';
import type { RequestHandler } from 'express';
import { subscribe } from 'node:diagnostics_channel';
import { responseCache, type ResponseCache, type ResponseCacheEvent, type ResponseCacheOptions } from '../src/index.js';

// `clear()` is a new generation here and does not count; its tests are in response-cache.test.ts.
type Subject = RequestHandler & Pick<ResponseCache, 'get' | 'delete' | 'close'>;

let settled = 0;
subscribe('sallyport:response-cache', (event) => {
  const { type } = event as ResponseCacheEvent;
  const isWriteFailure = type === 'store-failure' && (event as { operation: string }).operation === 'write';
  if (type === 'stored' || type === 'not-stored' || isWriteFailure) settled += 1;
});

middlewareContract<ResponseCacheOptions, Subject>({
  name: 'response-cache',
  create: (options) => Object.assign(responseCache(options), { clear: undefined }),
  options: { ttlMs: 60_000, tags: ['contract'] },
  // The response comes before it is stored; the contract looks at the keys at once.
  request: async (url) => {
    const before = settled;
    const response = await fetch(url);
    if (response.headers.get('x-cache') === 'MISS') await until(() => settled > before);
    return response;
  },
  expectHealthy: (response) => expect(response.status).toBe(200),
  expectDegraded: async (response) => {
    expect([response.status, response.headers.get('x-cache')]).toStrictEqual([200, 'BYPASS']);
    expect(await response.json()).toStrictEqual({ ok: true });
  },
  policies: {
    throw: async (response) => {
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ code: 'ERR_CORE_STORE_UNAVAILABLE' });
    },
  },
  badOptions: {
    ttlMs: [undefined, 0, -1, '10'],
    tags: ['a', [''], [7]],
    key: ['url'],
    user: [1],
    vary: ['Accept', ['a b']],
    ignoreCookies: ['*', ['a=b']],
    maxBodyBytes: [-1, '1mb'],
    cache: [{}, null],
    now: [0],
  },
  storedKey: '/',
});
