import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { until } from '@sallyport/testkit';
import { closeAfterTests } from './close-after-tests.js';
import { FIRST_START_MS } from './shared-database.js';

/** The real process, `main.ts`, as `npm start` runs it. */
export interface ShopProcess {
  readonly url: string;
  readonly pid: number;
  /** Resolves to the exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | string>;
  /** The log lines so far. */
  log(): Record<string, unknown>[];
  /** What was printed for people. */
  text(): string;
  kill(signal: NodeJS.Signals): void;
  /** Closes the IPC channel, as the end of the parent does. */
  disconnect(): void;
}

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const TEST_SECRET = 'the-session-secret-of-the-tests-only';

/** Starts a shop on a free port; killed when the test file ends. @throws when it ends before it serves. */
export async function startShop(env: Record<string, string>): Promise<ShopProcess> {
  const { child, output } = runMain({ PORT: '0', SESSION_SECRET: TEST_SECRET, ...env });
  const exited = once(child, 'exit').then(([code, signal]: (number | string | null)[]) => code ?? signal ?? 'unknown');
  const log = () => output.stdout.split('\n').filter(Boolean).map(parseLine);
  let ending: number | string | undefined;
  void exited.then((how) => (ending = how));
  const portOf = (line: Record<string, unknown>) => (line['msg'] === 'open' ? Number(line['port']) : undefined);
  const opened = () => log().map(portOf).find(Boolean);
  await until(() => ending !== undefined || opened(), { timeoutMs: FIRST_START_MS, everyMs: 20 });
  const port = opened();
  if (port === undefined) throw new Error(`The shop ended (${ending}) before it was open: ${output.stderr}`);
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    exited,
    log,
    text: () => output.stderr,
    kill: (signal) => void child.kill(signal),
    disconnect: () => child.disconnect(),
  };
}

/** Runs the process to its end. */
export async function runToEnd(env: Record<string, string>): Promise<{ code: unknown; stderr: string }> {
  const { child, output } = runMain(env);
  const [code] = await once(child, 'close');
  return { code, stderr: output.stderr };
}

function runMain(env: Record<string, string>): { child: ChildProcess; output: { stdout: string; stderr: string } } {
  const child = spawn(process.execPath, ['--conditions=@sallyport/source', '--import', 'tsx', MAIN], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  closeAfterTests(async () => {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  });
  return { child, output };
}

function parseLine(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    // The last line may be incomplete while the process is writing.
    return {};
  }
}
