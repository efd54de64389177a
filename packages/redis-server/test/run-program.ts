import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageDir = dirname(dirname(fileURLToPath(import.meta.url)));

export interface Program {
  child: ChildProcess;
  /** Settles with what was printed to stdout so far, as soon as it matches. Rejects when the program ends without it. */
  printed(pattern: RegExp): Promise<string>;
  /** Settles when the program has ended. */
  ended: Promise<{ status: number | null; stdout: string; stderr: string }>;
}

/**
 * Runs a TypeScript file of this package, such as `src/cli.ts`, as a process of its own.
 * @param launcher a command that the program's own is appended to, such as a shell that runs it.
 */
export function runProgram(
  file: string,
  args: string[] = [],
  env: NodeJS.ProcessEnv = {},
  launcher: string[] = [],
): Program {
  const [command = '', ...rest] = [...launcher, ...nodeCommand(file, args)];
  const child = spawn(command, rest, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, ...output }));
  const printed = async (pattern: RegExp) => {
    while (!pattern.test(output.stdout)) {
      const next = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)]);
      if (!next && !pattern.test(output.stdout)) throw new Error(`ended without ${pattern}: ${output.stderr}`);
    }
    return output.stdout;
  };
  return { child, printed, ended };
}

function nodeCommand(file: string, args: string[]): string[] {
  const options = ['--conditions=@sallyport/source', '--import', 'tsx'];
  return [process.execPath, ...options, join(packageDir, file), ...args];
}
