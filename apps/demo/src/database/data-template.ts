/**
 * The seeded data directory, prepared once and copied for every start.
 *
 *   <cache>/template-<fingerprint>/   never opened, only copied
 *   <cache>/run-<pid>-<random>/       one server's own copy, removed when it stops
 *
 * Initialising and seeding takes some 4 s, copying and opening 0.4 s. A template is built under another name and renamed
 * into place, so that several processes may start at once: whoever renames first wins and the others use the result.
 */
import { constants, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

const COPY_ATTEMPTS = 3;

/**
 * A fresh private copy of the seeded data directory.
 *
 * @param cache a directory that may be created.
 * @param fingerprint what the template depends on; another fingerprint is another template.
 * @param build fills the empty directory that it is given.
 * @throws when the cache cannot be written.
 */
export async function copyTemplate(
  cache: string,
  fingerprint: string,
  build: (directory: string) => Promise<void>,
): Promise<string> {
  mkdirSync(cache, { recursive: true });
  removeLeftovers(cache);
  const template = join(cache, `template-${fingerprint}`);
  for (let attempt = 1; ; attempt += 1) {
    if (!existsSync(template)) await buildTemplate(cache, template, build);
    const copy = mkdtempSync(join(cache, `run-${process.pid}-`));
    try {
      copyDirectory(template, copy);
      return copy;
    } catch (error) {
      rmSync(copy, { recursive: true, force: true });
      // Another process that runs another version of the code may have removed this template in the meantime.
      if (attempt === COPY_ATTEMPTS || existsSync(template)) throw error;
    }
  }
}

async function buildTemplate(
  cache: string,
  template: string,
  build: (directory: string) => Promise<void>,
): Promise<void> {
  const unfinished = mkdtempSync(join(cache, `run-${process.pid}-`));
  try {
    await build(unfinished);
    renameSync(unfinished, template);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    // Renaming onto a full directory fails: another process was first, with the same content.
    if (!existsSync(template)) throw error;
  }
  for (const name of readdirSync(cache)) {
    const isOutdated = name.startsWith('template-') && join(cache, name) !== template;
    if (isOutdated) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

// Synchronous on purpose: nothing else can happen yet, and 1000 small files take three times as long asynchronously.
function copyDirectory(from: string, to: string): void {
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    const source = join(entry.parentPath, entry.name);
    const target = join(to, relative(from, source));
    if (entry.isDirectory()) mkdirSync(target, { recursive: true });
    else copyFileSync(source, target, constants.COPYFILE_FICLONE);
  }
}

/** Removes the directories of servers that were killed before they could do it themselves. */
function removeLeftovers(cache: string): void {
  for (const name of readdirSync(cache)) {
    const pid = Number(/^run-(\d+)-/.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process exists and belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
