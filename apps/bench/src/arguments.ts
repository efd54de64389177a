import { parseArgs } from 'node:util';

/** What the command line asks for. */
export interface BenchSettings {
  /** Only scenarios whose name contains this. */
  readonly only: string | undefined;
  readonly rounds: number;
  /** Load before anything is measured, in milliseconds per run: the compiler's time. */
  readonly warmUpMs: number;
  /** A run is measured in slices, of which the median counts. */
  readonly sliceMs: number;
  readonly slices: number;
  /** Where to write the results in addition to the default place. */
  readonly jsonFile: string | undefined;
  readonly command: 'run' | 'list' | 'help';
}

/** Thrown when the command line is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `npm run bench -- [options]

  --only <text>    only scenarios whose name contains the text; the reference always runs
  --quick          3 short rounds: less exact, about a minute
  --rounds <n>     number of rounds, 1 to 100 (5)
  --json <file>    also write the results there
  --list           name the scenarios and end
  --help           this text
`;

const OPTIONS = {
  only: { type: 'string' },
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  json: { type: 'string' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @throws {UsageError} for an option that is unknown or not as described */
export function parseArguments(args: readonly string[]): BenchSettings {
  const { only, quick, rounds, json, list, help } = parse(args);
  if (rounds !== undefined && !/^([1-9]\d?|100)$/.test(rounds)) {
    throw new UsageError(`--rounds must be a number from 1 to 100, got ${rounds}`);
  }
  return {
    only,
    rounds: rounds === undefined ? (quick ? 3 : 5) : Number(rounds),
    ...(quick ? { warmUpMs: 700, sliceMs: 200, slices: 4 } : { warmUpMs: 2_000, sliceMs: 250, slices: 8 }),
    jsonFile: json,
    command: help ? 'help' : list ? 'list' : 'run',
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
