import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { onFileEnd } from '../cleanup.js';
import type { FromChild, ToChild } from './messages.js';

/** How a process ended; one of the two is `null`. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A Node process that runs one TypeScript module from its source; killed when the test file ends. */
export class ModuleProcess {
  readonly exited: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  #output = '';

  constructor(module: URL | string, onMessage: (message: FromChild) => void) {
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
    // The child's program lies beside this file, as .ts in the sources and as .js in a build.
    const program = new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './child.js', import.meta.url);
    this.#child = fork(fileURLToPath(program), [urlOf(module)], {
      execArgv: ['--conditions=@sallyport/source', '--import', tsx],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.exited = once(this.#child, 'exit').then(([code, signal]) => ({ code, signal }));
    this.#child.on('message', (message) => onMessage(message as FromChild));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    onFileEnd(() => this.kill('SIGKILL'));
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('The process could not be started');
    return this.#child.pid;
  }

  /** What the process printed so far. */
  get output(): string {
    return this.#output;
  }

  send(message: ToChild): void {
    // A child that is gone is noticed by its exit.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  /** Sends `signal` and waits for the end. */
  async kill(signal: NodeJS.Signals): Promise<ProcessExit> {
    this.#child.kill(signal);
    return this.exited;
  }
}

function urlOf(module: URL | string): string {
  if (module instanceof URL) return module.href;
  return module.startsWith('file:') ? module : pathToFileURL(module).href;
}
