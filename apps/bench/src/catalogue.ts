// The scenarios are the files of `scenarios/`: a new one needs no entry anywhere.

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Scenario } from './scenario.js';

/** The scenario that all others are divided by, on a plain server. */
export const REFERENCE = 'express/json';

const folder = new URL('./scenarios/', import.meta.url);
/** Listed from the sources, also in the build: it may hold what was built from files that are gone. */
const sources = new URL('../src/scenarios/', import.meta.url);
/** Subjects in the order of the table; a new one comes between these and the whole stack. */
const FIRST = [
  'express',
  'rate-limit',
  'rate-limit-denied',
  'session',
  'cache',
  'cache-memory',
  'cache-html',
  'idempotency',
  'lock',
];
const LAST = 'stack';

/** All names, ours first within each subject. */
export const names: readonly string[] = readdirSync(fileURLToPath(sources), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replaceAll('\\', '/').replace(/\.ts$/, ''))
  .toSorted((a, b) => rank(a) - rank(b) || Number(isOurs(b)) - Number(isOurs(a)) || (a < b ? -1 : 1));

function rank(name: string): number {
  const index = FIRST.indexOf(subjectOf(name));
  return subjectOf(name) === LAST ? FIRST.length + 1 : index === -1 ? FIRST.length : index;
}

/** `session/connect-redis` → `session`. */
export function subjectOf(name: string): string {
  return name.slice(0, name.indexOf('/'));
}

/** Whether a scenario is Sallyport's, and not a peer's or a floor. */
export function isOurs(name: string): boolean {
  return name.includes('/sallyport');
}

/**
 * Loads one scenario, and with it only the packages that it needs: others might patch what is measured.
 *
 * @throws {RangeError} for a name without a file
 */
export async function loadScenario(name: string): Promise<Scenario> {
  if (!names.includes(name)) throw new RangeError(`There is no scenario ${name}: ${names.join(', ')}`);
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const module = (await import(new URL(`${name}.${extension}`, folder).href)) as { readonly scenario: Scenario };
  return module.scenario;
}
