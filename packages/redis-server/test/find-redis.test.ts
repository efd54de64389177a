import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { platformLabel } from '../src/cache-dir.js';
import { findRedis, RedisNotFoundError, RedisServerOptionError } from '../src/index.js';

/** Real programs that answer `--version` as servers do: which one is chosen is all that these tests look at. */
async function writeServer(path: string, versionLine: string): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho '${versionLine}'\n`);
  await chmod(path, 0o755);
  return path;
}

const redisLine = (version: string) => `Redis server v=${version} sha=00000000:0 malloc=jemalloc-5.2.1 bits=64 build=0`;

describe('findRedis()', () => {
  const before = { path: process.env['PATH'], named: process.env['SALLYPORT_REDIS_SERVER'] };
  let dir: string;
  let cacheDir: string;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sallyport-find-'));
    cacheDir = join(dir, 'cache');
    delete process.env['SALLYPORT_REDIS_SERVER'];
    process.env['PATH'] = [join(dir, 'bin'), '/nonexistent'].join(delimiter);
  });
  afterEach(async () => {
    process.env['PATH'] = before.path;
    if (before.named === undefined) delete process.env['SALLYPORT_REDIS_SERVER'];
    else process.env['SALLYPORT_REDIS_SERVER'] = before.named;
    await rm(dir, { recursive: true, force: true });
  });

  const onPath = (name: string, line: string) => writeServer(join(dir, 'bin', name), line);
  const inCache = (line: string) => writeServer(join(cacheDir, platformLabel(), 'usr/bin/redis-server'), line);
  const find = () => findRedis({ cacheDir, fetch: false });

  it('takes the binary that SALLYPORT_REDIS_SERVER names before any other', async () => {
    await onPath('redis-server', redisLine('7.2.4'));
    const path = await writeServer(join(dir, 'mine'), redisLine('6.2.14'));
    process.env['SALLYPORT_REDIS_SERVER'] = path;
    expect(await find()).toEqual({ path, version: '6.2.14', source: 'environment', libraryPath: [] });
  });

  it('takes redis-server on PATH before the cache', async () => {
    await onPath('redis-server', redisLine('7.2.4'));
    await inCache(redisLine('7.0.15'));
    expect(await find()).toMatchObject({ path: 'redis-server', version: '7.2.4', source: 'path' });
  });

  it('takes valkey-server when there is no redis-server on PATH', async () => {
    await onPath('valkey-server', 'Valkey server v=8.0.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=0');
    expect(await find()).toMatchObject({ path: 'valkey-server', version: '8.0.1', source: 'path' });
  });

  it('passes over a redis-server on PATH that is too old', async () => {
    await onPath('redis-server', redisLine('5.0.7'));
    await inCache(redisLine('7.0.15'));
    expect(await find()).toMatchObject({ version: '7.0.15', source: 'cache' });
  });

  it('takes 10.0 for newer than 6.2', async () => {
    await onPath('redis-server', redisLine('10.0.0'));
    expect(await find()).toMatchObject({ version: '10.0.0' });
  });

  describe('when SALLYPORT_REDIS_SERVER is not usable', () => {
    it.each([
      ['does not exist', () => Promise.resolve('/no/such/redis-server'), 'does not exist'],
      ['is another program', () => writeServer(join(dir, 'other'), 'hello'), 'is not a Redis or Valkey server'],
      ['is too old', () => writeServer(join(dir, 'old'), redisLine('6.0.16')), 'is version 6.0.16, older than 6.2'],
    ])('says so instead of taking another server: %s', async (_, make, reason) => {
      await onPath('redis-server', redisLine('7.2.4'));
      const path = await make();
      process.env['SALLYPORT_REDIS_SERVER'] = path;
      await expect(find()).rejects.toMatchObject({
        code: 'ERR_REDIS_SERVER_NOT_FOUND',
        message: expect.stringContaining(`SALLYPORT_REDIS_SERVER is set, but ${path} ${reason}`) as unknown,
      });
    });
  });

  describe('when there is no server', () => {
    it('says what was tried and names three ways to get one', async () => {
      await onPath('redis-server', redisLine('5.0.7'));
      const error = await find().catch((error: unknown) => error);
      expect(error).toBeInstanceOf(RedisNotFoundError);
      const { message } = error as RedisNotFoundError;
      expect(message).toContain('redis-server is version 5.0.7, older than 6.2');
      expect(message).toContain('valkey-server is not on PATH');
      expect(message).toMatch(/1\. Install it: .*redis/);
      expect(message).toContain('2. Name a redis-server or valkey-server binary: SALLYPORT_REDIS_SERVER=');
      expect(message).toContain('3. Use one that runs already: REDIS_URL=');
    });

    it('gives the reason why nothing could be fetched', async () => {
      await expect(findRedis({ cacheDir })).rejects.toThrow('there is no apt-get to fetch redis-server with');
    });
  });

  it('throws synchronously for an unknown option and for a wrong value', () => {
    expect(() => findRedis({ cachedir: '/tmp' } as object)).toThrow(RedisServerOptionError);
    expect(() => findRedis({ cacheDir: '' })).toThrow('cacheDir must be a string that is not empty, got ""');
    expect(() => findRedis({ fetch: 'no' } as object)).toThrow('fetch must be a boolean, got "no"');
  });
});
