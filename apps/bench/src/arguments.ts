import { parseArgs } from 'node:util';

/** What the command line asks for. */
export interface BenchSettings {
  /** Only scenarios whose name contains this. */
  readonly only: string | undefined;
  readonly rounds: number;
  /** Load before anything is measured, in milliseconds per run: the compiler's time. */
  readonly warmUpMs: number;
  /** And at least so many requests, if they come in a few times that time. */
  readonly warmUpRequests: number;
  /** A run is measured in slices, of which the median counts. */
  readonly sliceMs: number;
  readonly slices: number;
  /** Versions or paths; none: the Node that runs the bench. */
  readonly nodes: readonly string[];
  /** Where to write the results in addition to the default place. */
  readonly jsonFile: string | undefined;
  /** Where to write the charts; `undefined`: beside the results. */
  readonly chartFolder: string | undefined;
  readonly command: 'run' | 'profile' | 'list' | 'help';
}

/** Thrown when the command line is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `npm run bench -- [options]

  --only <text>    only scenarios whose name contains the text; reference and baselines always run
  --quick          2 short rounds: less exact, under 3 minutes for everything
  --rounds <n>     number of rounds, 1 to 100 (5)
  --node <list>    versions of Node for the servers, such as 20,24, or paths of binaries
  --json <file>    also write the results there
  --charts <dir>   write the SVG charts there
  --profile        no rounds: where the CPU time goes, by package and by line
  --list           name the scenarios and end
  --help           this text
`;

const OPTIONS = {
  only: { type: 'string' },
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  node: { type: 'string' },
  json: { type: 'string' },
  charts: { type: 'string' },
  profile: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @throws {UsageError} for an option that is unknown or not as described */
export function parseArguments(args: readonly string[]): BenchSettings {
  const { only, quick, rounds, node, json, charts, profile, list, help } = parse(args);
  if (rounds !== undefined && !/^([1-9]\d?|100)$/.test(rounds)) {
    throw new UsageError(`--rounds must be a number from 1 to 100, got ${rounds}`);
  }
  const nodes = node?.split(',') ?? [];
  if (nodes.includes('')) throw new UsageError(`--node must be versions or paths, got ${node}`);
  return {
    only,
    rounds: rounds === undefined ? (quick ? 2 : 5) : Number(rounds),
    ...(quick
      ? { warmUpMs: 400, warmUpRequests: 5_000, sliceMs: 120, slices: 4 }
      : { warmUpMs: 2_000, warmUpRequests: 20_000, sliceMs: 250, slices: 8 }),
    nodes,
    jsonFile: json,
    chartFolder: charts,
    command: help ? 'help' : list ? 'list' : profile ? 'profile' : 'run',
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
