/**
 * Fetches redis-server from the machine's own Debian or Ubuntu package sources without root and without installing.
 *
 * apt resolves against the real dpkg status, so it downloads exactly the libraries this machine lacks, and it checks
 * signatures and hashes itself; only its lists and cache are private. The result appears in the cache by one rename:
 * a directory at the final place is complete and was proven by running it, however many processes fetch at once.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { codeOf, messageOf, stderrOf } from './errors.js';
import { probeBinary, type RedisBinary } from './redis-binary.js';

const run = promisify(execFile);
/** Generous for a slow network, but an end: nothing may hang for ever. */
const STEP_LIMIT_MS = 120_000;
/** Older work directories belong to processes that were killed: a live fetch ends within its step limits. */
const ABANDONED_AFTER_MS = 15 * 60_000;
/** How a rename fails when another process has put its tree there, or taken ours for a broken one. */
const RENAME_LOST = new Set(['EEXIST', 'ENOTEMPTY', 'ENOENT']);

/**
 * Downloads and unpacks redis-server into `target`.
 * @throws {Error} when apt is missing, cannot be reached, or offers no usable version.
 */
export async function fetchDebianPackage(target: string): Promise<RedisBinary> {
  const parent = dirname(target);
  await mkdir(parent, { recursive: true });
  await removeAbandonedWork(target);
  const work = await mkdtemp(`${target}.work-`);
  try {
    const tree = join(work, 'tree');
    await unpack(await downloadPackages(work), tree);
    await probeBinary(serverPath(tree), 'fetched', await libraryDirectories(tree));
    return await publish(tree, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The server in an unpacked tree, or undefined when the tree is missing or its server doesn't run here. */
export async function probeTree(tree: string, source: RedisBinary['source']): Promise<RedisBinary | undefined> {
  if (!existsSync(serverPath(tree))) return undefined;
  // A tree that doesn't run (another C library, a damaged disk) is as good as none: the fetch replaces it.
  return probeBinary(serverPath(tree), source, await libraryDirectories(tree)).catch(() => undefined);
}

async function downloadPackages(work: string): Promise<string[]> {
  const lists = join(work, 'lists');
  const cache = join(work, 'cache');
  await mkdir(join(lists, 'partial'), { recursive: true });
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true });
  const settings = [
    `Dir::State::Lists=${lists}`,
    `Dir::Cache=${cache}`,
    'Debug::NoLocking=1',
    `APT::Sandbox::User=${currentUser()}`,
    'Acquire::Retries=2',
    'Acquire::http::Timeout=15',
    'Acquire::https::Timeout=15',
    'Acquire::Languages=none',
  ].flatMap((setting) => ['-o', setting]);
  // Without a network this succeeds with warnings, and only they explain why the packages are not found then.
  const warnings = await apt([...settings, '-q', 'update']);
  const install = ['--download-only', '--reinstall', '--no-install-recommends', '-qq', '-y', 'install'];
  await apt([...settings, ...install, 'redis-server', 'redis-tools'], warnings);
  const archives = join(cache, 'archives');
  const names = await readdir(archives);
  return names.filter((name) => name.endsWith('.deb')).map((name) => join(archives, name));
}

/** Runs apt-get. @returns what it warned of. @throws {Error} with the end of its messages, after those given. */
async function apt(args: string[], earlierMessages = ''): Promise<string> {
  const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
  try {
    const { stderr } = await run('apt-get', args, { env, timeout: STEP_LIMIT_MS, maxBuffer: 16 * 1024 * 1024 });
    return stderr;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new Error('there is no apt-get to fetch redis-server with', { cause: error });
    const messages = `${earlierMessages}${stderrOf(error)}`.trim().slice(-600);
    throw new Error(`apt-get failed: ${messages || messageOf(error)}`, { cause: error });
  }
}

// Extraction only: no maintainer script of a package runs.
async function unpack(packages: string[], tree: string): Promise<void> {
  await mkdir(tree);
  for (const file of packages) await run('dpkg-deb', ['-x', file, tree], { timeout: STEP_LIMIT_MS });
}

/** Renames the finished tree into place; when another process was faster, its tree is used and ours is dropped. */
async function publish(tree: string, target: string): Promise<RedisBinary> {
  for (let attempt = 0; ; attempt += 1) {
    await rename(tree, target).catch((error: unknown) => {
      if (attempt === 3 || !RENAME_LOST.has(codeOf(error) ?? '')) throw error;
    });
    const published = await probeTree(target, 'fetched');
    if (published) return published;
    // What is there doesn't run (another platform's, or damaged). Aside with it: a rename cannot replace a full directory.
    await rename(target, join(dirname(tree), `broken-${attempt}`)).catch(ignoreMissing);
  }
}

// Debian's multiarch directories, such as usr/lib/x86_64-linux-gnu.
async function libraryDirectories(tree: string): Promise<string[]> {
  const found: string[] = [];
  for (const base of [join(tree, 'usr', 'lib'), join(tree, 'lib')]) {
    const entries = existsSync(base) ? await readdir(base) : [];
    found.push(...entries.filter((entry) => entry.includes('-linux-')).map((entry) => join(base, entry)));
  }
  return found;
}

// Before each fetch, so that killed fetches cannot fill the cache over the years.
async function removeAbandonedWork(target: string): Promise<void> {
  const parent = dirname(target);
  const isWork = (name: string) => name.startsWith(`${basename(target)}.work-`);
  for (const path of (await readdir(parent)).filter(isWork).map((name) => join(parent, name))) {
    const changedAt = await stat(path).then((info) => info.mtimeMs, Date.now);
    if (Date.now() - changedAt > ABANDONED_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}

function serverPath(tree: string): string {
  return join(tree, 'usr', 'bin', 'redis-server');
}

// apt drops its rights to this user for downloads. A container may run under an id that has no name.
function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}

function ignoreMissing(error: unknown): void {
  if (codeOf(error) !== 'ENOENT') throw error;
}
