import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fetchDebianPackage, probeTree } from '../src/debian-package.js';
import { runProgram } from './run-program.js';

const hasApt = existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg-deb');

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'sallyport-fetch-'));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

async function fetchInTwoProcesses(target: string) {
  const programs = [1, 2].map(() => runProgram('test/programs/fetch-redis.ts', [target]));
  return Promise.all(programs.map((program) => program.ended));
}

// The one test of this repository that needs the network. A machine without one proves the other half of the contract.
if (hasApt) {
  describe('fetchDebianPackage()', () => {
    it('gives two processes that fetch at once the same working server, or both the reason why not', async () => {
      const parent = join(cacheDir, 'shared');
      const target = join(parent, 'tree');
      const serverPath = join(target, 'usr/bin/redis-server');
      // In the way: a tree that doesn't run, and the remains of a fetch that was killed long ago.
      await mkdir(join(target, 'usr/bin'), { recursive: true });
      await writeFile(serverPath, 'not a program', { mode: 0o755 });
      await mkdir(`${target}.work-killed`);
      await utimes(`${target}.work-killed`, 0, 0);

      const results = await fetchInTwoProcesses(target);
      expect(await readdir(parent)).toEqual(['tree']);
      if (results.every(({ stderr }) => /Unable to locate package|Failed to fetch/.test(stderr))) return;
      expect(results).toMatchObject([{ status: 0 }, { status: 0 }]);
      for (const { stdout } of results)
        expect(JSON.parse(stdout)).toMatchObject({ path: serverPath, source: 'fetched' });
      expect(await probeTree(target, 'cache')).toMatchObject({ path: serverPath, source: 'cache' });
    }, 180_000);
  });
}

describe('fetchDebianPackage()', () => {
  describe('when there is no apt-get', () => {
    it('rejects and leaves nothing behind', async () => {
      const path = process.env['PATH'];
      const parent = join(cacheDir, 'without-apt');
      process.env['PATH'] = '/nonexistent';
      try {
        await expect(fetchDebianPackage(join(parent, 'tree'))).rejects.toThrow('there is no apt-get');
      } finally {
        process.env['PATH'] = path;
      }
      expect(await readdir(parent)).toEqual([]);
    });
  });

  describe('when apt-get fails', () => {
    it("rejects with the end of apt-get's own message", async () => {
      const bin = join(cacheDir, 'bin');
      await mkdir(bin);
      await writeFile(join(bin, 'apt-get'), '#!/bin/sh\necho "E: The repository is not signed." >&2\nexit 100\n');
      await chmod(join(bin, 'apt-get'), 0o755);
      const path = process.env['PATH'];
      process.env['PATH'] = `${bin}:${path}`;
      try {
        const fetching = fetchDebianPackage(join(cacheDir, 'failing', 'tree'));
        await expect(fetching).rejects.toThrow('apt-get failed: E: The repository is not signed.');
      } finally {
        process.env['PATH'] = path;
      }
    });
  });
});

describe('probeTree()', () => {
  it('is undefined where nothing was fetched', async () => {
    expect(await probeTree(join(cacheDir, 'nothing'), 'cache')).toBeUndefined();
  });
});
