// Uses every public package as a stranger would: packs it, installs the tarball into an empty folder of its own with
// nothing but its peers, and loads it from an ES module, from CommonJS and from TypeScript; then all of them together
// on the oldest Express and ioredis that they claim. Checks the tarball and the manifest on the way.
// Prints a line per check and ends with `N passed, N failed`.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { programFor } from './check-packages/programs.mjs';

const exec = promisify(execFile);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pnpm = /PNPM = '([^']+)'/.exec(await readFile(join(root, 'scripts/setup.mjs'), 'utf8'))?.[1];
const tools = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).devDependencies;
const NEWEST = ['express@5.3.0', 'ioredis@6.0.0', '@types/express@5.0.6'];
const OLDEST = ['express@4.22.3', 'ioredis@5.11.1', '@types/express@4.17.25'];
const MANIFEST_KEYS =
  'name version description license type sideEffects engines exports bin files peerDependencies dependencies devDependencies repository';
const ALLOWED_FILES =
  /^package\/(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/.+\.(js|d\.ts|map)|src\/.+\.ts)$/;

// A fresh clone has no tools yet.
if (!existsSync(join(root, 'node_modules/publint'))) {
  const { status } = spawnSync(process.execPath, [join(root, 'scripts/setup.mjs')], { stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}
const { publint } = await import('publint');
const { formatMessage } = await import('publint/utils');

let passed = 0;
const failures = [];
const work = await mkdtemp(join(tmpdir(), 'sallyport-packages-'));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    rmSync(work, { recursive: true, force: true });
    process.exit(1);
  });
}
try {
  await main();
} finally {
  await rm(work, { recursive: true, force: true });
}
for (const failure of failures) console.error(`\n${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function main() {
  const packages = await readPackages();
  const folders = packages.map(({ folder }) => folder);
  await Promise.all(folders.map(removeStaleBuild));
  await check('all build', () =>
    run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', ...folders], root),
  );
  for (const pkg of packages) pkg.tarball = await pack(pkg);
  for (const pkg of packages) await checkTarball(pkg);
  for (const pkg of packages) {
    const needed = packages.filter(({ name }) => closure(pkg, packages).has(name));
    const folder = join(work, 'alone', basename(pkg.folder));
    await check(`${pkg.name} installs alone`, () =>
      install(folder, needed, pkg.usesExpress ? NEWEST : NEWEST.slice(1)),
    );
    await use(folder, [pkg], 'alone');
    await checkExports(pkg, folder);
  }
  const together = join(work, 'together');
  await check(`all install on ${OLDEST.join(', ')}`, () => install(together, packages, OLDEST));
  await use(together, packages, 'on the oldest Express and ioredis');
}

async function readPackages() {
  const names = await readdir(join(root, 'packages'));
  const all = await Promise.all(
    names.map(async (name) => {
      const folder = join(root, 'packages', name);
      const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
      return { folder, manifest, name: manifest.name, usesExpress: 'express' in (manifest.peerDependencies ?? {}) };
    }),
  );
  return all.filter(({ manifest }) => manifest.private !== true);
}

/** The names of a package and of all workspace packages that it needs. */
function closure(pkg, packages, found = new Set()) {
  found.add(pkg.name);
  for (const name of Object.keys(pkg.manifest.dependencies ?? {})) {
    const next = packages.find((other) => other.name === name);
    if (next !== undefined && !found.has(name)) closure(next, packages, found);
  }
  return found;
}

async function pack({ folder, name }) {
  const destination = join(work, 'tarballs', basename(folder));
  await mkdir(destination, { recursive: true });
  await check(`${name} packs`, () =>
    run('npx', ['--yes', `pnpm@${pnpm}`, 'pack', '--pack-destination', destination], folder),
  );
  const [file] = await readdir(destination);
  return join(destination, file);
}

async function checkTarball({ name, manifest, tarball }) {
  await check(`${name} has its manifest in order`, () => {
    const order = MANIFEST_KEYS.split(' ').filter((key) => key in manifest);
    const keys = Object.keys(manifest);
    if (keys.join() !== order.join()) throw new Error(`keys are ${keys.join(', ')}; expected ${order.join(', ')}`);
    if (manifest.version === undefined || manifest.license !== 'MIT') throw new Error('version or licence is missing');
  });
  await check(`${name} ships its build, sources, README and licence only`, async () => {
    const files = (await run('tar', ['-tzf', tarball])).trim().split('\n');
    const strangers = files.filter((file) => !ALLOWED_FILES.test(file));
    const missing = ['package/README.md', 'package/LICENSE', 'package/dist/index.js'].filter(
      (file) => !files.includes(file),
    );
    if (strangers.length + missing.length > 0)
      throw new Error(`not wanted: ${strangers.join()}; missing: ${missing.join()}`);
    const packed = await run('tar', ['-xzOf', tarball, 'package/package.json']);
    if (/"(workspace|catalog):/.test(packed)) throw new Error('workspace: or catalog: is left in the manifest');
  });
  await check(`${name} is clean by publint`, async () => {
    const { buffer, byteOffset, byteLength } = await readFile(tarball);
    const tarballBytes = buffer.slice(byteOffset, byteOffset + byteLength);
    const { messages, pkg } = await publint({ pack: { tarball: tarballBytes }, strict: true });
    if (messages.length > 0) throw new Error(messages.map((message) => formatMessage(message, pkg)).join('\n'));
  });
  await check(`${name} has types that resolve (attw)`, () =>
    run(
      process.execPath,
      [join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'), tarball, '--profile', 'esm-only'],
      root,
    ),
  );
}

/** What was built from a source that has been renamed or removed would be packed with the rest. */
async function removeStaleBuild(folder) {
  const dist = join(folder, 'dist');
  const built = existsSync(dist) ? await readdir(dist, { recursive: true }) : [];
  const outputs = built.filter((file) => /\.(js|d\.ts)(\.map)?$/.test(file));
  const sourceOf = (file) => join(folder, 'src', file.replace(/\.(js|d\.ts)(\.map)?$/, '.ts'));
  await Promise.all(outputs.filter((file) => !existsSync(sourceOf(file))).map((file) => rm(join(dist, file))));
}

/** Both module systems see the same names, the README knows them all, and programs of the package start. */
async function checkExports({ name, manifest }, folder) {
  const listing = `const list = (module) => Object.keys(module).filter((name) => name !== '__esModule' && name !== 'module.exports').sort();
    const imported = list(await import('${name}'));
    const required = list((await import('node:module')).createRequire(process.cwd() + '/x.cjs')('${name}'));
    console.log(JSON.stringify({ imported, required }));`;
  await check(`${name} exports the same to both module systems, and its README names it all`, async () => {
    const { imported, required } = JSON.parse(
      await run(process.execPath, ['--input-type=module', '-e', listing], folder),
    );
    if (imported.length === 0 || imported.join() !== required.join()) {
      throw new Error(`import sees ${imported.join(', ')}; require sees ${required.join(', ')}`);
    }
    const readme = await readFile(join(folder, 'node_modules', name, 'README.md'), 'utf8');
    const unknown = imported.filter((each) => !new RegExp(`\\b${each}\\b`).test(readme));
    if (unknown.length > 0) throw new Error(`exported, but not in the README: ${unknown.join(', ')}`);
  });
  for (const program of Object.keys(manifest.bin ?? {})) {
    await check(`${name} has a program ${program} that starts`, async () => {
      const help = await run(join(folder, 'node_modules/.bin', program), ['--help'], folder);
      if (!help.includes(program) && !help.includes(name)) throw new Error(`--help says: ${help}`);
    });
  }
}

async function install(folder, packages, others) {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "name": "stranger", "private": true }\n');
  const typeTools = [`typescript@${tools.typescript}`, `@types/node@${tools['@types/node']}`];
  const tarballs = packages.map(({ tarball }) => tarball);
  await run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs, ...others, ...typeTools],
    folder,
  );
}

async function use(folder, packages, how) {
  const programs = packages.map((pkg) => ({ pkg, program: programFor(basename(pkg.folder)) }));
  for (const { pkg, program } of programs) {
    const stem = join(folder, basename(pkg.folder));
    await writeFile(`${stem}.mjs`, program.esm);
    await writeFile(`${stem}.cjs`, program.cjs);
    await writeFile(`${stem}.mts`, program.esm);
    await writeFile(`${stem}.cts`, program.ctsSource);
    await check(`${pkg.name} works from an ES module, ${how}`, () => run(process.execPath, [`${stem}.mjs`], folder));
    await check(`${pkg.name} works from CommonJS, ${how}`, () => run(process.execPath, [`${stem}.cjs`], folder));
  }
  const names = packages.length === 1 ? packages[0].name : 'all';
  for (const module of ['nodenext', 'node20']) {
    const strict = { target: 'es2023', strict: true, noEmit: true, skipLibCheck: false, types: ['node'] };
    const config = { compilerOptions: { module, ...strict }, include: ['*.mts', '*.cts'] };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
    await check(`${names} type-check from both module systems as ${module} with skipLibCheck: false, ${how}`, () =>
      run(process.execPath, [join(folder, 'node_modules/typescript/bin/tsc')], folder),
    );
  }
}

async function check(name, action) {
  try {
    await action();
    passed += 1;
    console.log(`✓ ${name}`);
  } catch (error) {
    failures.push(
      `✗ ${name}\n${error.stdout ?? ''}${error.stderr ?? ''}${error.stdout === undefined ? error.message : ''}`,
    );
    console.log(`✗ ${name}`);
  }
}

async function run(command, args, cwd = work) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config|package|lifecycle)_/i.test(name)),
  );
  const { stdout } = await exec(command, args, { cwd, env, maxBuffer: 64 * 1024 * 1024, timeout: 180_000 });
  return stdout;
}
