import { afterAll, describe, expect, it } from '@jest/globals';
import { connect, keysUnder, redisUrl, until } from '@sallyport/testkit';
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
    const ask = () => request(app).get('/products');
    try {
      await until(() => redis.status === 'ready');
      // The deadline is that of the README, and the machine may be busy: a lookup that is too late is bypassed.
      const made = await ask();
      const repeated = await until(async () => {
        const [first, second] = [await ask(), await ask()];
        expect([second.headers['x-cache'], second.text]).toStrictEqual(['HIT', first.text]);
        return second;
      });
      expect(['MISS', 'BYPASS']).toContain(made.headers['x-cache']);
      const conditional = () => ask().set('If-None-Match', String(repeated.headers['etag']));
      await until(async () => (await conditional()).status === 304);
      await until(async () => (await request(app).post('/products')).status === 201);
      expect((await ask()).text).not.toBe(repeated.text);
    } finally {
      redis.disconnect();
    }
  });

  it('names every error code, option, reason, event, method and export', async () => {
    const readme = await readFile(url('../README.md'), 'utf8');
    const sources = await Promise.all(
      ['errors', 'options', 'events', 'response-cache'].map((name) => readFile(url(`../src/${name}.ts`), 'utf8')),
    );
    const [errors = '', options = '', events = '', handle = ''] = sources;
    const codes = errors.match(/ERR_RESPONSE_CACHE_\w+/g) ?? [];
    const [shape = ''] = /export interface ResponseCacheOptions \{[\s\S]*?\n\}/.exec(options) ?? [];
    const names = [...shape.matchAll(/readonly (\w+)\??: /g)].map(([, name]) => `\`${name}\``);
    const [notStored = '', happening = ''] = events.split('export type ResponseCacheEvent');
    const types = [...happening.matchAll(/type: '([\w-]+)'/g)].map(([, type]) => `| \`${type}\``);
    const [, methods = ''] = /export interface ResponseCache extends([\s\S]*?)\n\}/.exec(handle) ?? [];
    const verbs = [...methods.matchAll(/\n  (\w+)\(/g)].map(([, verb]) => `| \`${verb}(`);
    const bypasses = [
      ...(/type: 'bypass'; readonly reason: (.*) \}/.exec(happening)?.[1] ?? '').matchAll(/'([\w-]+)'/g),
    ];
    const reasons = [...notStored.matchAll(/\| '([\w-]+)'/g)].map(([, reason]) => `\`${reason}\``);
    const lists = [codes, names, reasons, types, verbs, bypasses.map(([, reason]) => `\`${reason}\``)];
    expect(lists.every(({ length }) => length > 1)).toBe(true);
    expect(lists.flat().filter((name) => !readme.includes(name))).toStrictEqual([]);
    const exported = ['responseCache', 'tagResponse', 'isRevalidation', 'CallbackResultError', 'CustomKeyError'];
    const { ...runtime } = await import('../src/index.js');
    expect(Object.keys(runtime).toSorted()).toStrictEqual(exported.toSorted());
    expect(exported.filter((name) => !readme.includes(name))).toStrictEqual([]);
  });
});
