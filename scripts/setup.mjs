// Makes a fresh clone ready to run, with nothing but Node and npm on the machine: installs the workspace with the
// pinned pnpm when anything that decides the install has changed since the last one, and builds with `--build`.
// Uses Node built-ins only, because it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PNPM = '12.21.0';
const MINIMUM_NODE = [20, 19];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.setup-stamp');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor < MINIMUM_NODE[1])) {
  fail(`Sallyport needs Node ${MINIMUM_NODE.join('.')} or newer; this is ${process.version} (${process.execPath}).`);
}

const stamp = fingerprint();
if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) install();
if (process.argv.includes('--build'))
  run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-b', 'apps/demo']);

function install() {
  console.log(`Installing with pnpm ${PNPM} (only when package files have changed) …`);
  // The lockfile is part of the commit and was reviewed; checking its hundreds of entries again costs 10 s.
  run('npx', ['--yes', `pnpm@${PNPM}`, 'install', '--frozen-lockfile', '--trust-lockfile', '--reporter=append-only'], {
    hint:
      'The install failed. It needs the npm registry once (then pnpm and npx caches serve it offline).\n' +
      'Check the network and `npm config get registry`, then run the command again.',
  });
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, fingerprint());
}

function fingerprint() {
  const hash = createHash('sha256').update([process.versions.modules, process.platform, process.arch, PNPM].join());
  const manifests = ['packages', 'apps'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => join(folder, name, 'package.json')),
  );
  for (const file of [
    'package.json',
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    ...manifests.toSorted((a, b) => a.localeCompare(b)),
  ]) {
    const path = join(root, file);
    if (existsSync(path)) hash.update(file).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function run(command, args, { hint } = {}) {
  // npm hands its own settings to scripts as npm_config_*; pnpm would read them as its own.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config|package|lifecycle)_/i.test(name)),
  );
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    env,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (error ?? status !== 0)
    fail(hint ?? `${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ` with exit code ${status}`}.`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
