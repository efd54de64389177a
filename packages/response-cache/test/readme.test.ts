import { afterAll, describe, expect, it } from '@jest/globals';
import { connect, keysUnder, redisUrl } from '@sallyport/testkit';
import { readFile } from 'node:fs/promises';
import request from 'supertest';

const url = (name: string) => new URL(name, import.meta.url);

describe('README', () => {
  afterAll(async () => {
    const redis = connect();
    const keys = await keysUnder(redis, 'response-cache:http:*');
    if (keys.length > 0) await redis.unlink(keys);
  });

  it('shows the quick start that runs here', async () => {
    const readme = await readFile(url('../README.md'), 'utf8');
    const [, shown] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
    expect(shown).toBe(await readFile(url('./quick-start.ts'), 'utf8'));
  });

  it('has a quick start that answers from the store until the purge', async () => {
    process.env['REDIS_URL'] = redisUrl();
    const { app, redis } = await import('./quick-start.js');
    // Connects while it is asked for the first time.
    await redis.ping().catch(() => new Promise((resolve) => redis.once('ready', resolve)));
    const first = await request(app).get('/products').expect('X-Cache', 'MISS');
    const second = await request(app).get('/products').expect('X-Cache', 'HIT');
    expect(second.text).toBe(first.text);
    await request(app).get('/products').set('If-None-Match', String(second.headers['etag'])).expect(304);
    await request(app).post('/products').expect(201);
    await request(app).get('/products').expect('X-Cache', 'MISS');
    redis.disconnect();
  });

  it('names every error code, option and reason', async () => {
    const readme = await readFile(url('../README.md'), 'utf8');
    const sources = await Promise.all(
      ['errors', 'options', 'events'].map((name) => readFile(url(`../src/${name}.ts`), 'utf8')),
    );
    const [errors = '', options = '', events = ''] = sources;
    const codes = errors.match(/ERR_RESPONSE_CACHE_\w+/g) ?? [];
    const [shape = ''] = /export interface ResponseCacheOptions \{[\s\S]*?\n\}/.exec(options) ?? [];
    const names = [...shape.matchAll(/readonly (\w+)\??: /g)].map(([, name]) => `\`${name}\``);
    const [notStored = ''] = events.split('export type ResponseCacheEvent');
    const reasons = [...notStored.matchAll(/\| '([\w-]+)'/g)].map(([, reason]) => `\`${reason}\``);
    expect([codes.length, names.length, reasons.length].every((count) => count > 1)).toBe(true);
    expect([...codes, ...names, ...reasons].filter((name) => !readme.includes(name))).toStrictEqual([]);
  });
});
