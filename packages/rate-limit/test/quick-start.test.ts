import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, listen, until } from '@sallyport/testkit';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const modulePath = fileURLToPath(new URL('quick-start.ts', import.meta.url));

/** The first block of code of the README, which is what a reader tries first. */
async function quickStartOfReadme(): Promise<string | undefined> {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  return /```ts\n(.*?)```/s.exec(readme)?.[1];
}

async function freePort(): Promise<string> {
  const { url, close } = await listen((_req, res) => void res.end());
  await close();
  return new URL(url).port;
}

describe('the quick start of the README', () => {
  it('is the program that runs here, and limits log-ins to five', async () => {
    expect(await quickStartOfReadme()).toBe(await readFile(modulePath, 'utf8'));
    const server = await dedicatedRedis();
    const PORT = await freePort();
    const nodeArguments = ['--conditions=@sallyport/source', '--import', 'tsx', modulePath];
    const program = spawn(process.execPath, nodeArguments, {
      env: { ...process.env, PORT, REDIS_URL: server.url },
      stdio: 'ignore',
    });
    try {
      const login = () => fetch(`http://127.0.0.1:${PORT}/login`, { method: 'POST' });
      const first = await until(login, { timeoutMs: 15_000, everyMs: 50 });
      expect(first.headers.get('x-ratelimit-limit')).toBe('5');
      expect(await first.json()).toEqual({ attemptsLeft: 4 });
      for (let attempt = 2; attempt <= 5; attempt += 1) expect((await login()).status).toBe(200);
      const sixth = await login();
      expect(sixth.status).toBe(429);
      expect(Number(sixth.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await fetch(`http://127.0.0.1:${PORT}/`)).headers.get('x-ratelimit-limit')).toBe('100');
    } finally {
      program.kill('SIGKILL');
    }
  }, 30_000);
});
