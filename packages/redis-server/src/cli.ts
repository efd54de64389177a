#!/usr/bin/env node
/**
 * `sallyport-redis`: a Redis in the foreground. Exit status: 0 after Ctrl-C or SIGTERM, 1 when it cannot start or a
 * server ends by itself, 2 for a command line that makes no sense. The URL alone goes to stdout.
 */
import { CliUsageError, CONVENTIONAL_PORT, parseCliArguments, USAGE, type CliRun } from './cli-arguments.js';
import { startCluster } from './cluster.js';
import { PortInUseError, RedisServerError, RedisServerOptionError } from './errors.js';
import type { FindRedisEvent } from './find-redis.js';
import { startRedis } from './redis-server.js';
import { startSentinel } from './sentinel.js';

interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

const START = { single: startRedis, cluster: startCluster, sentinel: startSentinel };
const PARENT_POLL_MS = 500;

async function main(): Promise<void> {
  const request = parseCliArguments(process.argv.slice(2));
  if ('help' in request) {
    process.stdout.write(USAGE);
    return;
  }
  let running: Running | undefined;
  // Ctrl-C reaches both npx and us, and npx passes it on as well: the second one changes nothing. During a start there
  // is nothing to stop yet; the servers' lifelines end what has been started.
  const stop = () => void (running?.stop() ?? Promise.resolve()).finally(() => process.exit(0));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  stopWithParent(stop);
  running = await start(request);
  process.stdout.write(`REDIS_URL=${running.url}\n`);
  process.stderr.write('Ready. Ctrl-C stops it.\n');
}

async function start({ topology, options, isPortChosen }: CliRun): Promise<Running> {
  const onExit = () => {
    process.stderr.write('A server process has ended by itself; stopping.\n');
    process.exit(1);
  };
  const launch = (port: object): Promise<Running> => START[topology]({ ...options, ...port, onEvent: report, onExit });
  if (isPortChosen) return launch({});
  try {
    return await launch({ port: CONVENTIONAL_PORT[topology] });
  } catch (error) {
    if (!(error instanceof PortInUseError)) throw error;
    process.stderr.write(`${error.message}; taking free ports instead.\n`);
    return launch({});
  }
}

function report(event: FindRedisEvent): void {
  const text =
    event.type === 'fetch-started'
      ? `No redis-server on this machine: fetching one from its package sources to ${event.cacheDir} …`
      : `Fetched redis-server ${event.version} in ${event.durationMs} ms.`;
  process.stderr.write(`${text}\n`);
}

/**
 * Keeps the process in the foreground, and ends it with the npm or npx that started it: their shell does not pass
 * SIGTERM on, so that losing the parent is the only sign. A plain `node cli.js &` may outlive its shell.
 */
function stopWithParent(stop: () => void): void {
  const parent = process.ppid;
  const isUnderNpm = process.env['npm_execpath'] !== undefined;
  setInterval(() => isUnderNpm && process.ppid !== parent && stop(), PARENT_POLL_MS);
}

main().catch((error: unknown) => {
  const isUsageError = error instanceof CliUsageError || error instanceof RedisServerOptionError;
  if (isUsageError) process.stderr.write(`${error.message}\n\n${USAGE}`);
  else if (error instanceof RedisServerError) process.stderr.write(`${error.message}\n`);
  else process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(isUsageError ? 2 : 1);
});
