import { afterAll, describe, expect, it } from '@jest/globals';
import { connect, keysUnder, redisUrl, until } from '@sallyport/testkit';
import { readFile } from 'node:fs/promises';

const url = (name: string) => new URL(name, import.meta.url);

describe('README', () => {
  afterAll(async () => {
    const redis = connect();
    const keys = await keysUnder(redis, 'cache:shop:*');
    if (keys.length > 0) await redis.unlink(keys);
  });

  it('shows the quick start that runs here', async () => {
    const readme = await readFile(url('../README.md'), 'utf8');
    const [, shown] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
    expect(shown).toBe(await readFile(url('./quick-start.ts'), 'utf8'));
  });

  it('has a quick start that loads once and again after the purge', async () => {
    process.env['REDIS_URL'] = redisUrl();
    const { findProduct, redis, renameProducts } = await import('./quick-start.js');
    try {
      await until(() => redis.status === 'ready');
      // The deadline is that of the README, and the machine may be busy: a read that is too late loads anew.
      const before = await until(async () => {
        const { readAt } = await findProduct(7);
        expect((await findProduct(7)).readAt).toBe(readAt);
        return readAt;
      });
      await until(() => renameProducts().then(() => true));
      expect((await findProduct(7)).readAt).toBeGreaterThan(before);
    } finally {
      redis.disconnect();
    }
  });

  it('names every error code and every option', async () => {
    const readme = await readFile(url('../README.md'), 'utf8');
    const [errors, options] = await Promise.all(
      ['errors', 'options'].map((name) => readFile(url(`../src/${name}.ts`), 'utf8')),
    );
    const codes = String(errors).match(/ERR_CACHE_\w+/g) ?? [];
    const names = [...String(options).matchAll(/readonly (\w+)\??: /g)].map(([, name]) => `\`${name}\``);
    expect(codes.length).toBeGreaterThan(2);
    expect(names.length).toBeGreaterThan(10);
    const internal = ['`ttlOf`', '`staleMs`'];
    expect(
      [...codes, ...names].filter(
        (name) => !internal.includes(name) && !readme.includes(name) && !readme.includes(name.replace('`', '`l1.')),
      ),
    ).toStrictEqual([]);
  });
});
