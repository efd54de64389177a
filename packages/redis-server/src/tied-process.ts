/**
 * A child process that cannot outlive its parent, not even when the parent is killed with SIGKILL.
 *
 *   parent ──pipe──► sh (watcher, blocked in read) ─┐ same process group
 *     └──spawn─────► sh → exec redis-server ────────┘
 *
 * The shell starts the watcher and then becomes the server, so there is no moment without a watcher and the child's pid
 * is the server's. The kernel closes the pipe with the parent, however it ends; the watcher reads end-of-file, kills the
 * server and removes its directory. It outlives a server that ends, because the directory does. As long as the watcher
 * lives, its process group keeps the pid from being given to another process, so that its `kill` cannot hit a stranger.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { codeOf } from './errors.js';

const TIE_SCRIPT = `
directory=$1; shift
( read -r _ <&3; kill -KILL $$; rm -rf -- "$directory" ) </dev/null >/dev/null 2>&1 &
exec "$@" 3<&-
`;

export interface TiedProcessOptions {
  /** Removed by the watcher when the parent is gone. */
  directory: string;
  /** Program and arguments. The program replaces the shell, so it is the direct child. */
  command: string[];
  env: NodeJS.ProcessEnv;
  /** File that stdout and stderr are appended to. A pipe would fill up, and block the server, when the parent is busy. */
  logFile: string;
}

/** How a process ended: one of the two is null, or both when it could not be started. */
export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Starts with its construction; whether it came to life shows in `exit` and in what it answers. */
export class TiedProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<ProcessExit>;
  #exit: ProcessExit | undefined;

  constructor(options: TiedProcessOptions) {
    const log = openSync(options.logFile, 'a');
    this.#child = spawn('sh', ['-c', TIE_SCRIPT, 'sallyport-redis', options.directory, ...options.command], {
      detached: true,
      env: options.env,
      stdio: ['ignore', log, log, 'pipe'],
    });
    closeSync(log);
    this.#ended = new Promise((resolve) => {
      // 'error' comes instead of 'exit' when there is no shell to start.
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#exit = { code, signal };
        resolve(this.#exit);
      };
      this.#child.once('exit', end).once('error', () => end(null, null));
    });
    // Neither the child nor the pipe may keep the parent running: ending is what the pipe is there to notice.
    this.#child.unref();
    const lifeline = this.#child.stdio[3] as (Duplex & { unref(): void }) | null | undefined;
    // Nothing is ever written, so an error can only say that the reader is gone, and `exit` says that too.
    lifeline?.on('error', () => {});
    lifeline?.unref();
  }

  /** 0 when the process could not be started at all. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** How it ended; undefined while it runs. */
  get exit(): ProcessExit | undefined {
    return this.#exit;
  }

  /** Settles when the process is gone. Does not keep the parent running. */
  get ended(): Promise<ProcessExit> {
    return this.#ended;
  }

  /** Signals the server alone, not its watcher. Does nothing when it is gone. */
  signal(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#child.kill(signal);
  }

  /** Ends the process and waits until it is gone; this wait does keep the parent running. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<ProcessExit> {
    this.#child.ref();
    this.signal(signal);
    try {
      return await this.#ended;
    } finally {
      this.#child.unref();
    }
  }

  /** Ends the watcher, and the server if it still runs: from now on the directory is the caller's to remove. */
  release(): void {
    if (this.pid === 0) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch (error) {
      // ESRCH: nothing of the group is left, which is what we want. EPERM: macOS says that of a group of zombies.
      const code = codeOf(error);
      if (code !== 'ESRCH' && code !== 'EPERM') throw error;
    }
  }
}
