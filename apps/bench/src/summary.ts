// From runs to rows. A ratio is formed within each round, of two runs that are seconds apart; the median of these ratios does
// not care whether the machine was faster in another round.

import { isOurs, loadScenario, REFERENCE, subjectOf } from './catalogue.js';
import type { RedisDemand } from './probe.js';
import { median, relativeSpread } from './statistics.js';
import { labelOf, type Variant } from './variant.js';

/** The figures of one run. */
export interface ScenarioRun {
  /** CPU time of the server per request, user and system. */
  readonly cpuMicros: number;
  readonly redisCpuMicros: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssBytes: number;
}

/** All of one variant: the runs in the order of the rounds. */
export interface VariantResult {
  readonly variant: Variant;
  readonly demand: RedisDemand;
  readonly runs: readonly ScenarioRun[];
}

/** A row of the table. */
export interface Summary extends ScenarioRun, RedisDemand {
  /** Name of the scenario, ` +fast` on the server of @sallyport/server. */
  readonly label: string;
  readonly subject: string;
  readonly isOurs: boolean;
  readonly node: string;
  /** Server CPU per request divided by that of the reference on a plain server, median of the rounds. */
  readonly cpuRatio: number;
  /** Median absolute deviation of `cpuRatio` as a share of it. */
  readonly cpuSpread: number;
  readonly throughputRatio: number;
  /** CPU above that of the baseline on the same server, as a share of the reference. */
  readonly addedRatio: number;
  /** Whole CPU, and added CPU, divided by those of the cheapest peer of the subject on the same server. Ours only. */
  readonly versusPeer?: number;
  readonly addedVersusPeer?: number;
  readonly bestPeer?: string;
  readonly commandsPerRequest: number;
}

/** @throws {RangeError} when a reference or baseline is not among the results */
export async function summarize(results: readonly VariantResult[]): Promise<Summary[]> {
  return Promise.all(results.map((result) => summaryOf(result, results)));
}

async function summaryOf(result: VariantResult, all: readonly VariantResult[]): Promise<Summary> {
  const { variant, demand, runs } = result;
  const reference = find(all, variant, REFERENCE, 'plain');
  const { baseline = REFERENCE } = await loadScenario(variant.name);
  const base = find(all, variant, baseline);
  const middle = (figure: keyof ScenarioRun) => median(runs.map((run) => run[figure]));
  const cpuRatios = quotients(cpu(result), cpu(reference));
  const perSecond = (each: VariantResult) => each.runs.map((run) => run.requestsPerSecond);
  return {
    label: labelOf(variant),
    subject: subjectOf(variant.name),
    isOurs: isOurs(variant.name),
    node: variant.node.version,
    cpuRatio: median(cpuRatios),
    cpuSpread: relativeSpread(cpuRatios),
    throughputRatio: median(quotients(perSecond(result), perSecond(reference))),
    addedRatio: median(quotients(differences(cpu(result), cpu(base)), cpu(reference))),
    ...(isOurs(variant.name) ? versusPeer(result, base, all) : {}),
    ...demand,
    commandsPerRequest: Object.values(demand.commands).reduce((sum, count) => sum + count, 0),
    cpuMicros: middle('cpuMicros'),
    redisCpuMicros: middle('redisCpuMicros'),
    requestsPerSecond: middle('requestsPerSecond'),
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
    rssBytes: middle('rssBytes'),
  };
}

/** Beside the cheapest of the peers on the same server. */
function versusPeer(result: VariantResult, base: VariantResult, all: readonly VariantResult[]) {
  const { name, server, node } = result.variant;
  const peers = all.filter(
    ({ variant }) =>
      subjectOf(variant.name) === subjectOf(name) &&
      !isOurs(variant.name) &&
      variant.server === server &&
      variant.node === node,
  );
  const [best] = peers.toSorted((a, b) => median(cpu(a)) - median(cpu(b)));
  if (best === undefined) return {};
  const added = (each: VariantResult) => median(differences(cpu(each), cpu(base)));
  return {
    bestPeer: best.variant.name,
    versusPeer: median(quotients(cpu(result), cpu(best))),
    // Of medians: the difference of two runs of one round is small, and its quotient would be mostly noise. What answers
    // in place of the handler may cost less than the route without it; there is nothing to compare then.
    ...(added(best) > 0 ? { addedVersusPeer: added(result) / added(best) } : {}),
  };
}

function find(all: readonly VariantResult[], like: Variant, name: string, server = like.server): VariantResult {
  const same = all.filter(({ variant }) => variant.name === name && variant.node === like.node);
  // node:http and the like run on a plain server only, and so do all on Nodes without the cost.
  const found = same.find(({ variant }) => variant.server === server) ?? same[0];
  if (found === undefined) throw new RangeError(`${name} was not measured on Node ${like.node.version}`);
  return found;
}

const cpu = ({ runs }: VariantResult): number[] => runs.map((run) => run.cpuMicros);
const quotients = (above: readonly number[], below: readonly number[]): number[] =>
  above.map((value, round) => value / (below[round] ?? NaN));
const differences = (from: readonly number[], less: readonly number[]): number[] =>
  from.map((value, round) => value - (less[round] ?? NaN));

export const TITLES = [
  'scenario',
  'CPU ×',
  '± %',
  'added ×',
  '× best peer',
  'added × best peer',
  'Redis commands',
  'round trips',
  'Redis CPU µs',
  'bytes in Redis',
  'throughput ×',
  'p50 ms',
  'p99 ms',
  'CPU µs',
] as const;

/** The cells under {@link TITLES}. */
export function cellsOf(row: Summary): string[] {
  const commands = Object.entries(row.commands).map(([name, count]) => `${count}×${name}`);
  return [
    row.label,
    row.cpuRatio.toFixed(2),
    (row.cpuSpread * 100).toFixed(1),
    row.addedRatio.toFixed(2),
    row.versusPeer?.toFixed(2) ?? '',
    row.addedVersusPeer?.toFixed(2) ?? '',
    `${Number(row.commandsPerRequest.toFixed(2))}${commands.length === 0 ? '' : ` (${commands.join(' ')})`}`,
    String(row.roundTrips),
    row.redisCpuMicros.toFixed(1),
    row.keys === 0 ? '0' : `${row.keyBytes} in ${row.keys}`,
    row.throughputRatio.toFixed(2),
    row.p50Ms.toFixed(1),
    row.p99Ms.toFixed(1),
    row.cpuMicros.toFixed(1),
  ];
}
