// `npm run bench`: reads the command line, runs, prints the table and writes the results as JSON.

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArguments, USAGE, UsageError, type BenchSettings } from './arguments.js';
import { runBench } from './bench.js';
import { catalogue, loadScenario, REFERENCE } from './scenarios/catalogue.js';
import { cellsOf, TITLES, type Summary } from './summary.js';
import { formatTable } from './table.js';

/** Not under version control. */
const LATEST = fileURLToPath(new URL('../../../.cache/bench/latest.json', import.meta.url));

async function main(): Promise<void> {
  const settings = parseArguments(process.argv.slice(2));
  if (settings.command === 'help') return void process.stdout.write(USAGE);
  if (settings.command === 'list') return list();
  const scenarios = chosen(settings.only);
  const rows = await runBench({ ...settings, scenarios, reference: REFERENCE, onProgress: progress });
  progress('');
  console.log(formatTable(TITLES, rows.map(cellsOf)));
  console.log(
    `\nCPU × and throughput ×: divided by ${REFERENCE}, median of ${settings.rounds} rounds, Node ${process.version}.`,
  );
  for (const file of [LATEST, ...(settings.jsonFile === undefined ? [] : [settings.jsonFile])])
    save(file, settings, rows);
}

async function list(): Promise<void> {
  const scenarios = await Promise.all([...catalogue.keys()].map(loadScenario));
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  for (const { name, description } of scenarios) console.log(`${name.padEnd(width)}  ${description}`);
}

/** @throws {UsageError} when no name contains the text */
function chosen(only: string | undefined): string[] {
  const names = [...catalogue.keys()];
  if (only === undefined) return names;
  const matching = names.filter((name) => name.includes(only));
  if (matching.length === 0) throw new UsageError(`No scenario's name contains "${only}": ${names.join(', ')}`);
  return names.filter((name) => name === REFERENCE || matching.includes(name));
}

function progress(text: string): void {
  // One line that is overwritten, and nothing where the output goes to a file.
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

function save(file: string, settings: BenchSettings, rows: readonly Summary[]): void {
  const machine = { node: process.version, platform: process.platform, cpu: cpus()[0]?.model, cores: cpus().length };
  const { rounds, warmUpMs, sliceMs, slices } = settings;
  const content = { reference: REFERENCE, machine, run: { rounds, warmUpMs, sliceMs, slices }, scenarios: rows };
  mkdirSync(dirname(resolve(file)), { recursive: true });
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
  console.log(`Written to ${join(file)}`);
}

try {
  await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error(isUsage ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = isUsage ? 2 : 1;
}
