/**
 * Starts the embedded Postgres in a child process and waits until it accepts connections.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { EmbeddedServerMessage } from './embedded-server.js';

/** A running embedded server. */
export interface EmbeddedPostgres {
  /** `postgres://…` on 127.0.0.1. */
  readonly url: string;
  readonly pid: number;
  /** `memory` when the cache directory could not be written: every start then takes some seconds. */
  readonly storage: 'disk' | 'memory';
  /** Ends the process and removes its data; resolves when it is gone. Safe to call twice. */
  stop(): Promise<void>;
}

const STOP_TIMEOUT_MS = 3000;
// In a checkout that has not been built the sources run, and the child needs the same loader as this process.
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const sourceLoader = extension === '.ts' ? ['--conditions=@sallyport/source', '--import', 'tsx'] : [];

/**
 * @param cache where the seeded data directory is kept between starts.
 * @param onLost runs when the server ends without having been asked to.
 * @throws when the server ends before it is ready; the message holds its own error.
 */
export async function startEmbeddedPostgres(cache: string, onLost?: () => void): Promise<EmbeddedPostgres> {
  const child = fork(fileURLToPath(new URL(`./embedded-server${extension}`, import.meta.url)), [cache], {
    execArgv: sourceLoader,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const message = await Promise.race([
    once(child, 'message').then(([value]) => value as EmbeddedServerMessage),
    exited.then(([code, signal]) => ({ error: `it ended early (${code ?? signal})` })),
  ]);
  if ('error' in message) throw new Error(`The embedded Postgres did not start: ${message.error}`);
  let isStopping = false;
  void exited.then(() => isStopping || onLost?.());
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${message.port}/postgres`,
    pid: child.pid ?? 0,
    storage: message.storage,
    async stop() {
      isStopping = true;
      if (child.connected) child.disconnect();
      const overdue = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(overdue);
    },
  };
}
