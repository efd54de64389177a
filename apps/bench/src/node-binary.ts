import { spawnSync } from 'node:child_process';
import { UsageError } from './arguments.js';

/** A Node that servers under measure run on. */
export interface NodeBinary {
  readonly path: string;
  /** `v20.20.2` */
  readonly version: string;
  /** Whether @sallyport/server has something to mend there. */
  readonly isExpressSlow: boolean;
}

/**
 * Finds a Node by its path, or by its version: the npm package `node` brings any (`--node 24`).
 *
 * @throws {UsageError} when there is none
 */
export function findNode(wanted: string): NodeBinary {
  const path = /^\d+(\.\d+){0,2}$/.test(wanted) ? download(wanted) : wanted;
  const [version = '', v8 = ''] = ask(path, ['-p', 'process.version + " " + process.versions.v8']).split(' ');
  return { path, version, isExpressSlow: Number.parseInt(v8, 10) < 13 };
}

function download(version: string): string {
  const args = ['exec', '--yes', `--package=node@${version}`, '--', 'node', '-p', 'process.execPath'];
  return ask('npm', args);
}

function ask(command: string, args: readonly string[]): string {
  const { status, stdout, error } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const answer = stdout?.trim() ?? '';
  if (status !== 0 || answer === '')
    throw new UsageError(`--node: ${command} is not to be had: ${error?.message ?? ''}`);
  return answer;
}
