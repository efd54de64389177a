import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defaultCacheDir, platformLabel, readOsRelease } from '../src/cache-dir.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sallyport-cache-dir-'));
  await mkdir(join(root, 'repo/packages/redis-server/src'), { recursive: true });
  await writeFile(join(root, 'repo/pnpm-workspace.yaml'), '');
  await mkdir(join(root, 'app/node_modules/@sallyport/redis-server/dist'), { recursive: true });
  await mkdir(join(root, 'app/test/deep'), { recursive: true });
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('defaultCacheDir()', () => {
  it("is the repository's .cache/redis in a checkout, whichever directory the caller is in", () => {
    const moduleDir = join(root, 'repo/packages/redis-server/src');
    for (const cwd of [join(root, 'repo'), join(root, 'repo/packages'), root]) {
      expect(defaultCacheDir({ moduleDir, cwd })).toBe(join(root, 'repo/.cache/redis'));
    }
  });

  it('lies under node_modules of the project that installed the package', () => {
    const moduleDir = join(root, 'app/node_modules/@sallyport/redis-server/dist');
    const expected = join(root, 'app/node_modules/.cache/sallyport-redis');
    expect(defaultCacheDir({ moduleDir, cwd: join(root, 'app/test/deep') })).toBe(expected);
  });

  it('is the cache directory of the user outside of any project', () => {
    const moduleDir = '/somewhere/node_modules/@sallyport/redis-server/dist';
    const env = { XDG_CACHE_HOME: '/home/me/caches' };
    expect(defaultCacheDir({ moduleDir, cwd: '/nowhere', env })).toBe('/home/me/caches/sallyport-redis');
    expect(defaultCacheDir({ moduleDir, cwd: '/nowhere', env: {} })).toMatch(/\/\.cache\/sallyport-redis$/);
  });
});

describe('platformLabel()', () => {
  it('tells architectures apart and is safe as a directory name', () => {
    expect(platformLabel()).toMatch(new RegExp(`^[\\w.-]+-${process.arch}$`));
  });
});

describe('readOsRelease()', () => {
  it('reads quoted and bare values', async () => {
    const file = join(root, 'os-release');
    await writeFile(file, 'ID=ubuntu\nVERSION_ID="24.04"\nPRETTY_NAME=\'Ubuntu 24.04\'\n');
    expect(readOsRelease(file)).toEqual({ ID: 'ubuntu', VERSION_ID: '24.04', PRETTY_NAME: 'Ubuntu 24.04' });
  });

  it('is empty where there is no such file', () => {
    expect(readOsRelease(join(root, 'missing'))).toEqual({});
  });
});
