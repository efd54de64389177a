import { realClearTimeout, realSetTimeout } from '../real-time.js';
import type { FailureReport, FromChild } from './messages.js';
import { ModuleProcess, type ProcessExit } from './module-process.js';

/** What {@link runProcesses} runs. */
export interface RunProcessesOptions {
  /** A TypeScript module with `export async function run(args, context)`: `new URL('./worker.ts', import.meta.url)`. */
  readonly module: URL | string;
  readonly count: number;
  /** Given to each `run`; travels as JSON, as the results do. */
  readonly args?: unknown;
  /** For all processes together, their start included. @default 15000 */
  readonly timeoutMs?: number;
}

/**
 * Runs a module in `count` processes that start together, and resolves to what their `run` functions returned, in order.
 * When one fails or time runs out, all are killed.
 *
 * @throws the error of the first process that failed, with that process's stack
 * @throws {Error} naming the unfinished processes when time runs out, or the one that died, with its output
 */
export function runProcesses<Result>(options: RunProcessesOptions): Promise<Result[]> {
  return launch<Result>(options, false).values;
}

/** What {@link startProcess} starts; like {@link RunProcessesOptions}, for one process. */
export type StartProcessOptions = Omit<RunProcessesOptions, 'count'>;

/** A process that goes on after it gave its value. */
export interface StartedProcess<Value> {
  readonly pid: number;
  /** What `run` returned, or gave to `context.ready()`: the URL of a server, say. */
  readonly value: Value;
  readonly exited: Promise<ProcessExit>;
  /** Everything printed so far. */
  readonly output: () => string;
  /** Sends the signal and waits for the end. @default 'SIGTERM' */
  readonly kill: (signal?: NodeJS.Signals) => Promise<ProcessExit>;
}

/** Starts a long-lived process and resolves once it gave its value; killed when the test file ends. */
export async function startProcess<Value>(options: StartProcessOptions): Promise<StartedProcess<Value>> {
  const { processes, values } = launch<Value>({ ...options, count: 1 }, true);
  const [value] = await values;
  const [process] = processes;
  if (process === undefined) throw new Error('No process was started');
  return {
    pid: process.pid,
    value: value as Value,
    exited: process.exited,
    output: () => process.output,
    kill: (signal = 'SIGTERM') => process.kill(signal),
  };
}

type Phase = 'starting' | 'ready' | 'running' | 'at a barrier' | 'done';

function launch<Value>(options: RunProcessesOptions, isLongLived: boolean) {
  const { module, count, args, timeoutMs = 15_000 } = options;
  const phases: Phase[] = Array.from({ length: count }, () => 'starting');
  const results: Value[] = [];
  const processes: ModuleProcess[] = [];
  const areAll = (phase: Phase) => phases.every((each) => each === phase);

  const values = new Promise<Value[]>((resolve, reject) => {
    const fail = (error: Error) => {
      realClearTimeout(timer);
      void killAll(processes, () => reject(error));
    };
    const timer = realSetTimeout(() => {
      const late = phases.map((phase, index) => `process ${index} ${phase}`).filter((text) => !text.endsWith(' done'));
      fail(new Error(`Not finished after ${timeoutMs} ms: ${late.join(', ')}${outputOf(processes)}`));
    }, timeoutMs);

    const receive = (index: number, message: FromChild) => {
      if (message.type === 'failed') return fail(restored(message.error));
      if (message.type === 'ready') phases[index] = 'ready';
      if (message.type === 'arrived') phases[index] = 'at a barrier';
      if (message.type === 'value') {
        phases[index] = 'done';
        results[index] = inThisRealm(message.value) as Value;
      }
      if (areAll('ready')) {
        phases.fill('running');
        for (const [index, process] of processes.entries())
          process.send({ type: 'go', task: { args, index, count, isLongLived } });
      } else if (areAll('at a barrier')) {
        phases.fill('running');
        for (const process of processes) process.send({ type: 'pass' });
      } else if (areAll('done')) {
        realClearTimeout(timer);
        resolve(results);
      }
    };

    for (let index = 0; index < count; index += 1) {
      const process = new ModuleProcess(module, (message) => receive(index, message));
      processes.push(process);
      void process.exited.then(({ code, signal }) => {
        if (phases[index] === 'done') return;
        fail(
          new Error(
            `Process ${index} ended (${signal ?? `code ${code}`}) while ${phases[index]}${outputOf([process])}`,
          ),
        );
      });
    }
  });
  return { processes, values };
}

async function killAll(processes: readonly ModuleProcess[], then: () => void): Promise<void> {
  await Promise.all(processes.map((process) => process.kill('SIGKILL')));
  then();
}

function restored({ message, ...report }: FailureReport): Error {
  return Object.assign(new Error(message), report);
}

/** Jest gives each test file its own `Object` and `Array`, which `toStrictEqual` compares; IPC makes those of the main realm. */
function inThisRealm(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function outputOf(processes: readonly ModuleProcess[]): string {
  const output = processes.map((process) => process.output).join('');
  return output === '' ? '' : `\n\nOutput:\n${output}`;
}
