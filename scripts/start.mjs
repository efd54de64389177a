// `npm start`: the demo shop on a real Redis. Uses REDIS_URL where it is set, else starts a private Redis that ends with
// this process. Runs after scripts/setup.mjs has installed and built.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const STOP_DEADLINE_MS = 7_000;

let redis;
let shop;
let isStopping = false;

try {
  const url = process.env.REDIS_URL ?? (await startPrivateRedis());
  shop = fork(join(root, 'apps/demo/dist/main.js'), { cwd: root, env: { ...process.env, REDIS_URL: url } });
  shop.once('exit', (code) => void stop(isStopping ? 0 : (code ?? 1)));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => void stop(0));
  // npm runs scripts through a shell that does not pass SIGTERM on: when it dies, our parent changes.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && void stop(0), 500).unref();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  await stop(1);
}

async function startPrivateRedis() {
  const { startRedis } = await import(pathToFileURL(join(root, 'packages/redis-server/dist/index.js')).href);
  redis = await startRedis();
  return redis.url;
}

async function stop(code) {
  if (isStopping) return;
  isStopping = true;
  if (shop !== undefined && shop.exitCode === null && shop.signalCode === null) {
    const exited = once(shop, 'exit');
    shop.kill('SIGTERM');
    const timer = setTimeout(() => shop.kill('SIGKILL'), STOP_DEADLINE_MS);
    await exited;
    clearTimeout(timer);
  }
  await redis?.stop();
  process.exit(code);
}
