// From runs to rows. A ratio is formed within each round, of two runs that are seconds apart; the median of these ratios does
// not care whether the machine was faster in another round.

import type { RedisDemand } from './probe.js';
import { median, relativeSpread } from './statistics.js';

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

/** All of one scenario: the runs in the order of the rounds. */
export interface ScenarioResult {
  readonly name: string;
  readonly demand: RedisDemand;
  readonly runs: readonly ScenarioRun[];
}

/** A row of the table. */
export interface Summary extends ScenarioRun {
  readonly name: string;
  /** Server CPU per request divided by that of the reference, median of the rounds. */
  readonly cpuRatio: number;
  /** Median absolute deviation of `cpuRatio` as a share of it. */
  readonly cpuSpread: number;
  readonly throughputRatio: number;
  readonly commands: Readonly<Record<string, number>>;
  readonly commandsPerRequest: number;
  readonly roundTrips: number;
}

/** @throws {RangeError} when `reference` is not among the results */
export function summarize(results: readonly ScenarioResult[], reference: string): Summary[] {
  const base = results.find(({ name }) => name === reference);
  if (base === undefined) throw new RangeError(`The reference ${reference} was not measured`);
  return results.map(({ name, demand, runs }) => {
    const ratiosOf = (figure: 'cpuMicros' | 'requestsPerSecond') =>
      runs.map((run, round) => run[figure] / (base.runs[round]?.[figure] ?? NaN));
    const middle = (figure: keyof ScenarioRun) => median(runs.map((run) => run[figure]));
    const cpuRatios = ratiosOf('cpuMicros');
    return {
      name,
      cpuRatio: median(cpuRatios),
      cpuSpread: relativeSpread(cpuRatios),
      throughputRatio: median(ratiosOf('requestsPerSecond')),
      commands: demand.commands,
      commandsPerRequest: Object.values(demand.commands).reduce((sum, count) => sum + count, 0),
      roundTrips: demand.roundTrips,
      cpuMicros: middle('cpuMicros'),
      redisCpuMicros: middle('redisCpuMicros'),
      requestsPerSecond: middle('requestsPerSecond'),
      p50Ms: middle('p50Ms'),
      p99Ms: middle('p99Ms'),
      rssBytes: middle('rssBytes'),
    };
  });
}

export const TITLES = [
  'scenario',
  'CPU ×',
  '± %',
  'Redis commands',
  'round trips',
  'Redis CPU µs',
  'throughput ×',
  'p50 ms',
  'p99 ms',
  'CPU µs',
] as const;

/** The cells under {@link TITLES}. */
export function cellsOf(row: Summary): string[] {
  const names = Object.entries(row.commands).map(([name, count]) => `${count}×${name}`);
  return [
    row.name,
    row.cpuRatio.toFixed(2),
    (row.cpuSpread * 100).toFixed(1),
    `${Number(row.commandsPerRequest.toFixed(2))}${names.length === 0 ? '' : ` (${names.join(' ')})`}`,
    String(row.roundTrips),
    row.redisCpuMicros.toFixed(1),
    row.throughputRatio.toFixed(2),
    row.p50Ms.toFixed(1),
    row.p99Ms.toFixed(1),
    row.cpuMicros.toFixed(1),
  ];
}
