/** Decides whether a file is a redis-server that we can use, by running it: existing or being executable proves nothing. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { codeOf, messageOf } from './errors.js';

/** The oldest release that everything in this repository is tested against. */
export const MINIMUM_VERSION = '6.2';

export interface RedisBinary {
  /** Absolute path, or a bare name that was found on PATH. */
  path: string;
  /** Such as `7.0.15`. */
  version: string;
  /** Where it was found, in the order in which `findRedis()` looks. */
  source: 'environment' | 'path' | 'cache' | 'fetched';
  /** Directories that LD_LIBRARY_PATH needs for this binary; empty for an installed one. */
  libraryPath: string[];
}

/**
 * Runs `<path> --version`.
 * @throws {Error} when it doesn't run, isn't a Redis or Valkey server, or is older than 6.2; the message says which.
 */
export async function probeBinary(
  path: string,
  source: RedisBinary['source'],
  libraryPath: string[] = [],
): Promise<RedisBinary> {
  const { stdout } = await promisify(execFile)(path, ['--version'], {
    env: libraryEnv(libraryPath),
    timeout: 10_000,
  }).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT')
      throw new Error(path.includes('/') ? `${path} does not exist` : `${path} is not on PATH`);
    throw new Error(`${path} does not run: ${messageOf(error).trim()}`, { cause: error });
  });
  const version = /\bserver v=(\d+\.\d+(?:\.\d+)?)/i.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`${path} is not a Redis or Valkey server`);
  if (!isAtLeast(version, MINIMUM_VERSION)) {
    throw new Error(`${path} is version ${version}, older than ${MINIMUM_VERSION}`);
  }
  return { path, version, source, libraryPath };
}

/** The environment that a binary runs in: ours, with its library directories first. */
export function libraryEnv(libraryPath: string[]): NodeJS.ProcessEnv {
  if (libraryPath.length === 0) return process.env;
  const inherited = process.env['LD_LIBRARY_PATH'];
  const directories = inherited ? [...libraryPath, inherited] : libraryPath;
  return { ...process.env, LD_LIBRARY_PATH: directories.join(':') };
}

function isAtLeast(version: string, minimum: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [minimumMajor = 0, minimumMinor = 0] = minimum.split('.').map(Number);
  return major > minimumMajor || (major === minimumMajor && minor >= minimumMinor);
}
