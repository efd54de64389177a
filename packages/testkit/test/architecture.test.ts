// The rules of the house that a program can see. A rule that nobody checks is a wish.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');
const packages = readdirSync(join(root, 'packages'));
const apps = readdirSync(join(root, 'apps'));
/** The only feature packages that may import a sibling, and which. */
const ALLOWED_SIBLINGS: Readonly<Record<string, readonly string[]>> = {
  'response-cache': ['cache'],
  idempotency: ['lock'],
};
/** Rooms for development: they may import anything below them and are imported by no feature. */
const DEVELOPMENT = ['testkit', 'redis-server'];
const features = packages.filter((name) => name !== 'core' && !DEVELOPMENT.includes(name));

function filesUnder(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(root, folder, file))
    .filter((file) => file.endsWith(ending) && statSync(file).isFile());
}

function sourcesOf(room: string): string[] {
  return filesUnder(join(room, 'src'), '.ts');
}

const sources = [...packages.map((name) => `packages/${name}`), ...apps.map((name) => `apps/${name}`)].flatMap(
  sourcesOf,
);
const lineCount = (file: string) => readFileSync(file, 'utf8').split('\n').length - 1;

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/from '(@sallyport\/[^']+)'|import\('(@sallyport\/[^']+)'\)/g)].map((match) =>
    String(match[1] ?? match[2]).slice('@sallyport/'.length),
  );
}

describe('the architecture', () => {
  it.each(features)('lets %s import core and its allowed siblings only', (name) => {
    const allowed = new Set(['core', ...(ALLOWED_SIBLINGS[name] ?? [])]);
    const strangers = sourcesOf(`packages/${name}`).flatMap((file) =>
      importsOf(file)
        .filter((imported) => !allowed.has(imported))
        .map((imported) => `${basename(file)} imports ${imported}`),
    );
    expect(strangers).toEqual([]);
  });

  it('keeps core free of other packages, of runtime dependencies and within 600 lines', () => {
    const files = sourcesOf('packages/core');
    expect(files.flatMap(importsOf)).toEqual([]);
    const manifest = JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8')) as object;
    expect(manifest).not.toHaveProperty('dependencies');
    expect(files.reduce((sum, file) => sum + lineCount(file), 0)).toBeLessThanOrEqual(600);
  });

  it('has no file over 300 lines and a median of at most 100', () => {
    const counts = sources.map(lineCount).toSorted((a, b) => a - b);
    expect(sources.filter((file) => lineCount(file) > 300).map((file) => relative(root, file))).toEqual([]);
    expect(counts[Math.floor(counts.length / 2)]).toBeLessThanOrEqual(100);
  });

  it('calls no file utils, helpers, common, shared, misc or types', () => {
    const banned = /^(utils|helpers|common|shared|misc|types)\.ts$/;
    expect(sources.filter((file) => banned.test(basename(file)))).toEqual([]);
  });

  it.each(features)('never closes, flushes or walks the keys of the client of %s', (name) => {
    const foreign = /\.(quit|flushdb|flushall|disconnect)\(|\b(call|callBuffer)\(\s*'(keys|flushdb|flushall|quit)'/i;
    // A file that opens a connection of its own closes that one.
    const others = (text: string) => (text.includes('.duplicate(') ? text.replaceAll('.disconnect(', '') : text);
    const offenders = sourcesOf(`packages/${name}`).filter((file) => foreign.test(others(readFileSync(file, 'utf8'))));
    expect(offenders.map((file) => relative(root, file))).toEqual([]);
  });

  it.each(features)('has one script per file in %s, with a contract of keys, arguments, reply and TTL', (name) => {
    const scripts = sourcesOf(`packages/${name}`).filter((file) =>
      readFileSync(file, 'utf8').includes('defineScript('),
    );
    for (const file of scripts) {
      const text = readFileSync(file, 'utf8');
      expect({ file: relative(root, file), count: text.match(/defineScript\(/g)?.length }).toEqual({
        file: expect.stringMatching(/src\/scripts\//),
        count: 1,
      });
      for (const word of ['KEYS[', 'Returns', 'TTL']) expect(text).toContain(word);
    }
  });

  it.each(packages)('gives %s a README', (name) => {
    expect(readFileSync(join(root, 'packages', name, 'README.md'), 'utf8')).toMatch(/^# @sallyport\//);
  });

  it('leaves no unfinished work in the sources', () => {
    const unfinished = /\b(TODO|FIXME|XXX)\b/;
    expect(sources.filter((file) => unfinished.test(readFileSync(file, 'utf8')))).toEqual([]);
  });
});
