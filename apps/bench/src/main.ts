// `npm run bench`: reads the command line, runs, prints the table and writes results and charts.

import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArguments, USAGE, UsageError, type BenchSettings } from './arguments.js';
import { runBench } from './bench.js';
import { loadScenario, names, REFERENCE } from './catalogue.js';
import { chartsOf } from './chart.js';
import { grouped } from './grouped.js';
import { findNode } from './node-binary.js';
import { runProfile } from './profile.js';
import { save } from './save.js';
import { cellsOf, TITLES, type Summary } from './summary.js';
import { formatTable } from './table.js';
import { variantsOf } from './variant.js';

/** Not under version control. */
const RESULTS = fileURLToPath(new URL('../../../.cache/bench/', import.meta.url));

async function main(): Promise<void> {
  const settings = parseArguments(process.argv.slice(2));
  if (settings.command === 'help') return void process.stdout.write(USAGE);
  if (settings.command === 'list') return list();
  if (settings.only !== undefined && !names.some((name) => name.includes(settings.only ?? ''))) {
    throw new UsageError(`No scenario's name contains "${settings.only}": ${names.join(', ')}`);
  }
  const nodes = (settings.nodes.length === 0 ? [process.execPath] : settings.nodes).map(findNode);
  const variants = await variantsOf(settings.only, nodes);
  if (settings.command === 'profile') return runProfile(variants, settings, (text) => console.log(text));
  const startedAt = performance.now();
  const rows = await runBench({ ...settings, variants, onProgress: progress });
  progress('');
  for (const [node, ofNode] of grouped(rows, (row) => row.node)) {
    console.log(`\nNode ${node}\n\n${formatTable(TITLES, ofNode.map(cellsOf))}`);
  }
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
  console.log(
    `\nCPU ×, added × and throughput ×: divided by ${REFERENCE} on a plain server; medians of ${settings.rounds} rounds, ${minutes} min.`,
  );
  write(settings, rows);
}

async function list(): Promise<void> {
  const width = Math.max(...names.map((name) => name.length));
  for (const name of names) console.log(`${name.padEnd(width)}  ${(await loadScenario(name)).description}`);
}

function progress(text: string): void {
  // One line that is overwritten, and nothing where the output goes to a file.
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

function write(settings: BenchSettings, rows: readonly Summary[]): void {
  const machine = { platform: process.platform, cpu: cpus()[0]?.model, cores: cpus().length };
  const { rounds, warmUpMs, warmUpRequests, sliceMs, slices } = settings;
  const content = {
    reference: REFERENCE,
    machine,
    run: { rounds, warmUpMs, warmUpRequests, sliceMs, slices },
    scenarios: rows,
  };
  const json = `${JSON.stringify(content, null, 2)}\n`;
  for (const file of [`${RESULTS}latest.json`, ...(settings.jsonFile === undefined ? [] : [settings.jsonFile])]) {
    save(file, json);
  }
  for (const [name, svg] of chartsOf(rows)) save(`${settings.chartFolder ?? RESULTS}/${name}`, svg);
}

try {
  await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error(isUsage ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = isUsage ? 2 : 1;
}
