import { type RedisClient } from '@sallyport/core';
import { connect, listen, uniquePrefix } from '@sallyport/testkit';
import request from 'supertest';
import { createShop } from '../../src/app.js';
import { type Config, readConfig } from '../../src/config.js';
import type { OpenDatabase } from '../../src/database/open-database.js';
import { createLogger } from '../../src/logging.js';
import { type RatesStandIn, startRatesStandIn } from '../../src/rates/rates-stand-in.js';
import { closeAfterTests } from './close-after-tests.js';
import { embeddedDatabase } from './shared-database.js';

/** A whole shop inside the test's process. */
export interface TestShop {
  readonly url: string;
  readonly database: OpenDatabase;
  readonly provider: RatesStandIn;
  /** The log lines so far. */
  readonly log: string[];
  readonly prefix: string;
}

/** Builds a shop on the tests' Redis, under a prefix of its own, with an embedded database of its own. */
export async function openShop(
  options: { config?: Partial<Config>; redis?: RedisClient; database?: OpenDatabase } = {},
): Promise<TestShop> {
  const database = options.database ?? (await embeddedDatabase());
  const provider = await startRatesStandIn();
  closeAfterTests(() => provider.close());
  const log: string[] = [];
  const prefix = uniquePrefix('demo');
  const shop = createShop({
    config: { ...readConfig({ LOG_LEVEL: 'debug' }), ...options.config },
    redis: options.redis ?? connect(),
    database,
    logger: createLogger('debug', { write: (line) => void log.push(line) }),
    ratesStandIn: provider,
    prefix,
  });
  closeAfterTests(() => shop.close());
  // One address for all requests: the host is a part of what the cache tells apart.
  const { url } = await listen(shop.app);
  return { url, database, provider, log, prefix };
}

/** A browser that keeps its cookie. */
export type Browser = ReturnType<typeof request.agent>;

/** A browser in which somebody has logged in. */
export async function loggedIn(url: string, email = 'ada@example.com', userAgent = 'Test'): Promise<Browser> {
  const browser = request.agent(url).set('User-Agent', userAgent);
  await browser.post('/api/login').send({ email, password: 'demo' }).expect(200);
  return browser;
}
