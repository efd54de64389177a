import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { copyTemplate } from '../src/database/data-template.js';

describe('copyTemplate()', () => {
  let cache: string;
  let builds: number;
  beforeEach(() => {
    cache = mkdtempSync(join(tmpdir(), 'demo-template-'));
    builds = 0;
  });
  afterEach(() => rmSync(cache, { recursive: true, force: true }));

  const build = async (directory: string) => {
    builds += 1;
    mkdirSync(join(directory, 'deep', 'empty'), { recursive: true });
    writeFileSync(join(directory, 'deep', 'data'), 'seeded');
  };
  const read = (copy: string) => readFileSync(join(copy, 'deep', 'data'), 'utf8');
  const templates = () => readdirSync(cache).filter((name) => name.startsWith('template-'));

  it('builds once and gives every caller a copy of its own, with empty directories', async () => {
    const first = await copyTemplate(cache, 'a', build);
    writeFileSync(join(first, 'deep', 'data'), 'changed');
    const second = await copyTemplate(cache, 'a', build);
    expect(builds).toBe(1);
    expect(read(second)).toBe('seeded');
    expect(existsSync(join(second, 'deep', 'empty'))).toBe(true);
  });

  it('gives whole copies to callers that start at the same time', async () => {
    const copies = await Promise.all(Array.from({ length: 5 }, () => copyTemplate(cache, 'a', build)));
    expect(new Set(copies).size).toBe(5);
    expect(copies.map(read)).toStrictEqual(Array.from({ length: 5 }, () => 'seeded'));
    expect(templates()).toStrictEqual(['template-a']);
  });

  it('replaces the template of another fingerprint', async () => {
    await copyTemplate(cache, 'a', build);
    await copyTemplate(cache, 'b', build);
    expect(builds).toBe(2);
    expect(templates()).toStrictEqual(['template-b']);
  });

  it('leaves nothing half-built behind when building fails', async () => {
    const failing = copyTemplate(cache, 'a', async (directory) => {
      await build(directory);
      throw new Error('out of luck');
    });
    await expect(failing).rejects.toThrow('out of luck');
    expect(readdirSync(cache)).toStrictEqual([]);
  });

  it('removes copies of processes that are gone, and spares those of running ones', async () => {
    const gone = join(cache, 'run-999999999-abc');
    const running = join(cache, `run-${process.pid}-abc`);
    const foreign = join(cache, 'something-else');
    for (const directory of [gone, running, foreign]) mkdirSync(directory);
    await copyTemplate(cache, 'a', build);
    expect([gone, running, foreign].map(existsSync)).toStrictEqual([false, true, true]);
  });

  it('rejects with the reason of the file system when the cache cannot be written', async () => {
    writeFileSync(join(cache, 'file'), '');
    await expect(copyTemplate(join(cache, 'file', 'below'), 'a', build)).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});
