/**
 * The process: reads the settings, opens Redis and Postgres side by side, serves the shop, and closes all of it in order.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError, readConfig } from './config.js';
import { openDatabase } from './database/open-database.js';
import { createLogger } from './logging.js';

/** How long the start waits for Redis. Without it the shop opens all the same, by the policies of its guards. */
const REDIS_PATIENCE_MS = 1000;

/** Opens everything that needs opening, in the order in which it takes long. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger(config.logLevel);
  // Replaced once there is something to close in order.
  let lose = (): void => process.exit(1);
  // First of all, because it takes longest: the database starts in its own process while this one loads the rest.
  const opening = openDatabase({
    url: config.databaseUrl,
    cache: config.cacheDirectory,
    onError: (error) => logger.warn({ err: error }, 'a database connection broke'),
    onLost: () => lose(),
  });
  // A failure is handled where it is awaited; until then it must not end the process without a word.
  opening.catch(() => undefined);

  const [{ createRedis }, { createShop }, { startRatesStandIn }, { shutDownInOrder }, { welcomeText }] =
    await Promise.all([
      import('@sallyport/core'),
      import('./app.js'),
      import('./rates/rates-stand-in.js'),
      import('./shutdown.js'),
      import('./welcome.js'),
    ]);
  if (config.isSessionSecretRandom) logger.warn('SESSION_SECRET is not set: sessions end with this process');
  // One line per outage, and one when it is over: ioredis reports each of its attempts.
  let isRedisDown = false;
  const redis = createRedis(config.redisUrl, {
    onError: (error) => {
      if (!isRedisDown) logger.warn({ err: error }, 'Redis does not answer; the guards go by their policies');
      isRedisDown = true;
    },
  });
  redis.on('ready', () => {
    if (isRedisDown) logger.info('Redis is back');
    isRedisDown = false;
  });

  const ratesStandIn = config.ratesUrl === undefined ? await startRatesStandIn() : undefined;
  const patience = AbortSignal.timeout(REDIS_PATIENCE_MS);
  // No Redis within its time is no reason not to open.
  const redisSettled =
    redis.status === 'ready' ? undefined : once(redis, 'ready', { signal: patience }).catch(() => undefined);
  const [database] = await Promise.all([opening, redisSettled]);
  const shop = createShop({ config, redis, database, logger, ...(ratesStandIn === undefined ? {} : { ratesStandIn }) });
  const server = createServer(shop.app);
  const shutDown = shutDownInOrder({
    server,
    logger,
    close: [() => shop.close(), () => database.close(), () => ratesStandIn?.close(), () => redis.disconnect()],
  });
  lose = () => shutDown('the embedded Postgres ended', 1);

  server.listen(config.port, config.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  const startedInMs = Math.round(process.uptime() * 1000);
  logger.info({ port, database: database.kind, startedInMs }, 'open');
  const shared = database.kind === 'embedded' ? { databaseUrl: database.url } : {};
  // For people. The logs have standard output to themselves.
  process.stderr.write(welcomeText(`http://${host}:${port}`, { ...shared, startedInMs }));
}

main().catch((error: unknown) => {
  const isExpected = error instanceof ConfigError || (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  process.stderr.write(`${isExpected ? (error as Error).message : (error as Error).stack}\n`);
  process.exit(1);
});
