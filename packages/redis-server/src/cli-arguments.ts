/** What the command line says, checked, and nothing done yet. */
import { parseArgs } from 'node:util';
import { messageOf } from './errors.js';

export type Topology = 'single' | 'cluster' | 'sentinel';

export interface CliRun {
  topology: Topology;
  /** Options for `startRedis()`, `startCluster()` or `startSentinel()`, which check their ranges. */
  options: Record<string, string | number | string[]>;
  /** Whether the user named a port; if not, the conventional one is preferred and a free one is good enough. */
  isPortChosen: boolean;
}

export type CliRequest = CliRun | { help: true };

/** Thrown when the command line cannot be understood; the message is meant for the user. */
export class CliUsageError extends Error {
  override readonly name = 'CliUsageError';
}

/** The port that each topology takes when no other is asked for, as its users expect. */
export const CONVENTIONAL_PORT: Record<Topology, number> = { single: 6379, cluster: 7000, sentinel: 26_379 };

export const USAGE = `Usage: sallyport-redis [single|cluster|sentinel] [options] [-- redis-server arguments]

Starts a real Redis on 127.0.0.1 that keeps nothing on disk, prints the URL to set, and stays until Ctrl-C.
Uses an installed redis-server or valkey-server; on Debian and Ubuntu it fetches one, without root, if there is none.

  single     one server (the default)                        REDIS_URL=redis://127.0.0.1:6379
  cluster    three masters                                   REDIS_URL=redis+cluster://127.0.0.1:7000,…
  sentinel   a master, a replica, three sentinels            REDIS_URL=redis+sentinel://127.0.0.1:26379,…/mymaster

  --port <n>          (first) port; default 6379, 7000 or 26379, or free ones when those are taken
  --password <text>   single: password of the default user
  --databases <n>     single: number of databases (16)
  --masters <n>       cluster: number of masters (3)
  --replicas <n>      cluster: replicas per master (0); sentinel: replicas of the master (1)
  --sentinels <n>     sentinel: number of sentinels (3)
  --master-name <s>   sentinel: name of the master (mymaster)
  --cache-dir <dir>   where a fetched server is kept
  --help              this text

SALLYPORT_REDIS_SERVER=/path/to/redis-server chooses the binary.
`;

/** For each flag: the option that it sets, per topology that has it, and whether it is a number. */
const FLAGS: Record<string, { isNumber: boolean; option: Partial<Record<Topology, string>> }> = {
  port: { isNumber: true, option: { single: 'port', cluster: 'port', sentinel: 'port' } },
  password: { isNumber: false, option: { single: 'password' } },
  databases: { isNumber: true, option: { single: 'databases' } },
  masters: { isNumber: true, option: { cluster: 'masters' } },
  replicas: { isNumber: true, option: { cluster: 'replicasPerMaster', sentinel: 'replicas' } },
  sentinels: { isNumber: true, option: { sentinel: 'sentinels' } },
  'master-name': { isNumber: false, option: { sentinel: 'masterName' } },
  'cache-dir': { isNumber: false, option: { single: 'cacheDir', cluster: 'cacheDir', sentinel: 'cacheDir' } },
};

/**
 * Reads the arguments after the program's name.
 * @throws {CliUsageError} for an unknown topology or flag, a flag of another topology, or a value that is no number.
 */
export function parseCliArguments(argv: string[]): CliRequest {
  const separator = argv.indexOf('--');
  const own = separator === -1 ? argv : argv.slice(0, separator);
  const { values, positionals } = parse(own);
  if (values['help'] === true) return { help: true };

  const [topology = 'single', ...surplus] = positionals;
  if (!isTopology(topology)) throw new CliUsageError(`Unknown topology ${JSON.stringify(topology)}`);
  if (surplus.length > 0) throw new CliUsageError(`Unexpected argument ${JSON.stringify(surplus[0])}`);

  const options: CliRun['options'] = separator === -1 ? {} : { args: argv.slice(separator + 1) };
  for (const [flag, value] of Object.entries(values)) {
    const { isNumber, option } = FLAGS[flag] ?? { isNumber: false, option: {} };
    const name = option[topology];
    if (name === undefined) throw new CliUsageError(`--${flag} has no meaning for ${topology}`);
    options[name] = isNumber ? numberOf(flag, String(value)) : String(value);
  }
  return { topology, options, isPortChosen: 'port' in options };
}

// `parseArgs` refuses unknown flags and missing values in words that are fit for users.
function parse(args: string[]) {
  const flags = Object.keys(FLAGS).map((flag) => [flag, { type: 'string' }] as const);
  const options = { ...Object.fromEntries(flags), help: { type: 'boolean', short: 'h' } } as const;
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new CliUsageError(messageOf(error), { cause: error });
  }
}

function isTopology(word: string): word is Topology {
  return Object.hasOwn(CONVENTIONAL_PORT, word);
}

// Digits only: Number() would also take '', ' 1', '0x10' and '1e3'.
function numberOf(flag: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new CliUsageError(`--${flag} must be a number, got ${JSON.stringify(text)}`);
  return Number(text);
}
