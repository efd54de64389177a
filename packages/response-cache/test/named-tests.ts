// Finds tests by their names, for tables that say which test shows what.

import { readdir, readFile } from 'node:fs/promises';

/** Names of tests, and of their cases, by file. */
export async function namedTests(): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = (await readdir(new URL('.', import.meta.url))).filter((name) => name.endsWith('.test.ts'));
  const found = await Promise.all(
    files.map(async (file): Promise<[string, string[]]> => {
      const text = await readFile(new URL(file, import.meta.url), 'utf8');
      return [file.replace('.test.ts', ''), PATTERNS.flatMap((pattern) => [...text.matchAll(pattern)].map(nameIn))];
    }),
  );
  return new Map(found);
}

const nameIn = ([, , name = '']: RegExpMatchArray): string => name;
/** `it('name'`, `it.each([…])('name'`, and what stands first in a case of a table, or names it. */
const PATTERNS = [
  /\bit(?:\.each\([\s\S]*?\))?\(\s*(['"])((?:(?!\1).)*)\1/g,
  /\n\s*\[?\s*(['"])((?:(?!\1).)*)\1[,:]/g,
  /\n\s*()(\w+): /g,
];
