import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis } from '@sallyport/testkit';
import * as core from '../src/index.js';

const folder = join(import.meta.dirname, '..');
const readme = readFileSync(join(folder, 'README.md'), 'utf8');

describe('the README', () => {
  it('starts with an example that runs', async () => {
    const { url } = await dedicatedRedis();
    const code = /```ts\n(.+?)```/s.exec(readme)?.[1] ?? '';
    const flags = ['--conditions=@sallyport/source', '--import', 'tsx', '--input-type=module', '--eval', code];
    const run = () =>
      promisify(execFile)(process.execPath, flags, { cwd: folder, env: { ...process.env, REDIS_URL: url } });
    await expect(run()).resolves.toMatchObject({ stdout: 'visit 1\n', stderr: '' });
    await expect(run()).resolves.toHaveProperty('stdout', 'visit 2\n');
  });

  it('names every export', () => {
    for (const name of Object.keys(core)) expect(readme).toContain(`\`${name}`);
  });
});
