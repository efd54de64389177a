import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { dedicatedRedis } from '@sallyport/testkit';
import * as lockPackage from '@sallyport/lock';

const readFileBeside = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');
const readme = await readFileBeside('../README.md');

describe('README', () => {
  it('shows the quick start that runs here, and it counts down', async () => {
    const quickStart = await readFileBeside('./quick-start.ts');
    expect(/```ts\n(.*?)```/s.exec(readme)?.[1]).toBe(quickStart);

    const { url } = await dedicatedRedis();
    const tsx = createRequire(import.meta.resolve('@sallyport/testkit')).resolve('tsx');
    const program = fileURLToPath(new URL('./quick-start.ts', import.meta.url));
    const run = async () => {
      const args = ['--conditions=@sallyport/source', '--import', tsx, program];
      const { stdout } = await promisify(execFile)(process.execPath, args, {
        env: { ...process.env, REDIS_URL: url },
      });
      return stdout;
    };
    expect(await run()).toBe('9 left\n');
    expect(await run()).toBe('8 left\n');
  });

  it('mentions every export', () => {
    for (const name of Object.keys(lockPackage)) expect(readme).toContain(name);
  });

  it('lists every error code', () => {
    for (const code of ['HELD', 'TIMEOUT', 'LOST', 'UNAVAILABLE', 'ABORTED', 'OPTION']) {
      expect(readme).toContain(`ERR_LOCK_${code}`);
    }
  });
});
