// The bench and its children: a program of its own process per server and per load, so that nobody else's work is charged to
// the server. Questions go down one at a time, each gets one answer.

import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';

type Reply = { readonly value: unknown } | { readonly error: string };

/** Programs run as the bench itself does: compiled, or from the sources in tests. */
const isSource = import.meta.url.endsWith('.ts');

/** A child process that answers questions; `kill` must be called. */
export class Child {
  readonly #process: ChildProcess;
  #output = '';

  /** @param program `server-process` or `load-process` @param execPath the Node that runs it */
  constructor(program: string, args: readonly string[], execPath: string = process.execPath) {
    const file = fileURLToPath(new URL(`./${program}.${isSource ? 'ts' : 'js'}`, import.meta.url));
    this.#process = fork(file, [...args], {
      execArgv: isSource ? ['--conditions=@sallyport/source', '--import', tsxLoader()] : [],
      execPath,
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    }
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** @throws {Error} with the child's error, or with its output when it ended */
  async ask<T>(question: string, argument?: unknown): Promise<T> {
    const answered = new AbortController();
    const { signal } = answered;
    try {
      const reply = once(this.#process, 'message', { signal });
      const ended = once(this.#process, 'exit', { signal }).then(() => {
        throw new Error(`The process ended before it answered "${question}":\n${this.#output}`);
      });
      this.#process.send({ question, argument }, () => undefined);
      // Whichever loses is aborted below, and that rejection is nobody's business.
      ended.catch(() => undefined);
      const [message] = (await Promise.race([reply, ended])) as [Reply];
      if ('error' in message) throw new Error(message.error);
      return message.value as T;
    } finally {
      answered.abort();
    }
  }

  /** Ends the process and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }
}

/** The child's side: answers each question by the function of its name, and ends with its parent. */
export function answerParent(answers: Readonly<Record<string, (argument: never) => unknown>>): void {
  process.on('disconnect', () => process.exit());
  process.on('message', (message: { question: string; argument: never }) => {
    const answer = async () => {
      const find = answers[message.question];
      if (find === undefined) throw new RangeError(`No answer to "${message.question}"`);
      return find(message.argument);
    };
    const reply = (content: Reply) => void process.send?.(content);
    answer().then(
      (value) => reply({ value }),
      (error: unknown) => reply({ error: error instanceof Error ? String(error.stack) : String(error) }),
    );
  });
}

/** Keeps a process on one core where the system can (Linux): core 1 is the server's alone, core 0 everybody else's. */
export function pin(pid: number, core: 0 | 1): void {
  if (cpus().length < 2 || process.platform !== 'linux') return;
  // Without taskset the figures are noisier and no less true.
  spawnSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
}

function tsxLoader(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
}
