/**
 * Decides where a fetched redis-server is kept. Three situations, told apart without asking the user: this package
 * runs from its own repository, it is installed in somebody's project, or it was started by npx outside any project.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface CacheDirSurroundings {
  /** Directory of this module, symlinks resolved. */
  moduleDir?: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/**
 * The cache directory when no `cacheDir` is given:
 * 1. in a checkout of the repository, `.cache/redis` at its root, whichever package the caller is in;
 * 2. in a project, `node_modules/.cache/sallyport-redis` of the nearest ancestor of `cwd` that has `node_modules`;
 * 3. elsewhere `$XDG_CACHE_HOME/sallyport-redis`, or `~/.cache/sallyport-redis`.
 */
export function defaultCacheDir(surroundings: CacheDirSurroundings = {}): string {
  const moduleDir = surroundings.moduleDir ?? dirname(fileURLToPath(import.meta.url));
  const isInstalled = moduleDir.split(sep).includes('node_modules');
  const checkout = isInstalled ? undefined : nearestAncestorWith('pnpm-workspace.yaml', moduleDir);
  if (checkout !== undefined) return join(checkout, '.cache', 'redis');

  const project = nearestAncestorWith('node_modules', surroundings.cwd ?? process.cwd());
  if (project !== undefined) return join(project, 'node_modules', '.cache', 'sallyport-redis');

  const env = surroundings.env ?? process.env;
  return join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sallyport-redis');
}

/**
 * The subdirectory for this machine's kind, such as `debian-12-x64`. A checkout can be shared between a host and its
 * containers, and a binary of one distribution rarely finds its libraries on another.
 */
export function platformLabel(): string {
  const release = readOsRelease();
  const system = [release['ID'] ?? process.platform, release['VERSION_ID']].filter(Boolean).join('-');
  return `${system}-${process.arch}`.replace(/[^\w.-]/g, '_');
}

/** The fields of os-release, unquoted; empty where there is no such file. */
export function readOsRelease(path = '/etc/os-release'): Record<string, string | undefined> {
  if (!existsSync(path)) return {};
  const fields = readFileSync(path, 'utf8').matchAll(/^(\w+)=["']?(.*?)["']?$/gm);
  return Object.fromEntries([...fields].map(([, name = '', value]) => [name, value]));
}

function nearestAncestorWith(entry: string, start: string): string | undefined {
  if (existsSync(join(start, entry))) return start;
  const parent = dirname(start);
  return parent === start ? undefined : nearestAncestorWith(entry, parent);
}
