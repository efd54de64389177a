import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { onFileEnd } from './cleanup.js';
import { dedicatedRedis } from './dedicated.js';
import { listen } from './listen.js';
import { until } from './waiting.js';

/**
 * Runs the quick start of a README as its reader would: a process of its own, `REDIS_URL` and `PORT` from the environment.
 * Gives its URL once it accepts connections; killed when the test file ends.
 */
export async function startQuickStart(program: URL): Promise<string> {
  const { url: redisUrl } = await dedicatedRedis();
  const { url, close } = await listen(() => undefined);
  await close();
  const tsx = createRequire(import.meta.url).resolve('tsx');
  const child = spawn(process.execPath, ['--conditions=@sallyport/source', '--import', tsx, fileURLToPath(program)], {
    env: { ...process.env, REDIS_URL: redisUrl, PORT: new URL(url).port },
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  onFileEnd(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const answers = () =>
    fetch(url).then(
      () => true,
      () => false,
    );
  await until(answers, { timeoutMs: 15_000, everyMs: 50, description: 'the quick start accepts connections' });
  return url;
}
