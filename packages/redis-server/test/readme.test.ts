import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const packageDir = dirname(dirname(fileURLToPath(import.meta.url)));

describe('README.md', () => {
  it('has a quick start that runs as it stands', async () => {
    const readme = await readFile(join(packageDir, 'README.md'), 'utf8');
    const quickStart = /^## Quick start$[^]*?^```ts$([^]*?)^```$/m.exec(readme)?.[1] ?? '';
    const args = ['--conditions=@sallyport/source', '--import', 'tsx', '--input-type=module', '--eval', quickStart];
    // In the package's own directory, since a package can import itself by name.
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: packageDir });
    expect(stdout).toMatch(/^redis:\/\/127\.0\.0\.1:\d+\n$/);
  });

  it('names every error code and every export', async () => {
    const readme = await readFile(join(packageDir, 'README.md'), 'utf8');
    const errors = await readFile(join(packageDir, 'src/errors.ts'), 'utf8');
    const codes = [...errors.matchAll(/'(ERR_\w+)'/g)].map(([, code = '']) => code);
    expect(codes).toHaveLength(5);
    const values = Object.keys(await import('../src/index.js'));
    expect([...codes, ...values].filter((name) => !readme.includes(name))).toEqual([]);
  });
});
