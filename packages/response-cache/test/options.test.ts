import { describe, expect, it } from '@jest/globals';
import { createCache } from '@sallyport/cache';
import { OptionError } from '@sallyport/core';
import { connect, uniquePrefix } from '@sallyport/testkit';
import { responseCache, type ResponseCacheOptions } from '../src/index.js';

describe('responseCache()', () => {
  const redis = connect();
  const cacheOf = (options: { plain?: boolean } = {}) =>
    createCache({ redis, namespace: 'shop', prefix: uniquePrefix('options'), ttlMs: 1_000, ...options });

  function refused(options: Partial<ResponseCacheOptions>): OptionError {
    try {
      responseCache({ ttlMs: 1_000, ...options });
    } catch (error) {
      if (error instanceof OptionError) return error;
    }
    throw new Error('not refused');
  }

  it('refuses a cache in plain mode, in which no purge could be told from another', () => {
    const { message } = refused({ cache: cacheOf({ plain: true }) });
    expect(message).toMatch(/`cache`.*`plain: false`.*`plain: true`/);
    expect(() => responseCache({ ttlMs: 1_000, cache: cacheOf() })).not.toThrow();
  });

  it.each(['redis', 'prefix', 'deadlineMs'] as const)('refuses %s beside a cache, which has its own', (name) => {
    const value = { redis, prefix: 'own:', deadlineMs: 5 }[name];
    expect(refused({ cache: cacheOf(), [name]: value }).message).toContain(`\`${name}\``);
  });

  it('refuses to have neither redis nor cache', () => {
    expect(refused({}).message).toContain('`redis`');
  });

  it.each([
    ['ttlMs', 0],
    ['heuristicMaxMs', 0],
    ['staleWhileRevalidateMs', -1],
    ['staleIfErrorMs', 1.5],
    ['revalidateMs', '60'],
    ['coalesceMs', 60_001],
    ['requestDirectives', 'always'],
    ['strict', 'yes'],
    ['ignoreParameters', ['a=b']],
    ['hosts', ['http://shop.example']],
    ['statusHeaders', 'all'],
    ['skip', true],
    ['l1', { maxBytes: 0 }],
    ['onStoreFailure', 'closed'],
    ['onEvent', {}],
    ['unheardOf', 1],
  ])('refuses %s: %j, by its name', (name, value) => {
    expect(refused({ redis, [name]: value }).message).toContain(name);
  });
});
