/**
 * The shop: an Express app behind rate limit, session, idempotency and response cache. Everything it needs is given to it,
 * so a test or a benchmark runs the same app as `main.ts`.
 */
import { fileURLToPath } from 'node:url';
import type { RedisClient } from '@sallyport/core';
import express, { type Express, Router, json } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import type { Config } from './config.js';
import type { Database } from './database/database.js';
import { createGuards } from './guards.js';
import { errorHandler, notFound } from './http-errors.js';
import { logRequests } from './logging.js';
import type { RatesStandIn } from './rates/rates-stand-in.js';
import { cartRoutes } from './routes/cart.js';
import { demoControls } from './routes/demo-controls.js';
import { deviceRoutes } from './routes/devices.js';
import { healthRoutes } from './routes/health.js';
import { logInRoutes } from './routes/log-in.js';
import { orderRoutes } from './routes/orders.js';
import { catalogueRoutes, reviewRoutes } from './routes/products.js';
import { rateRoutes } from './routes/rates.js';

/** What the shop is made from. None of it is closed by the shop. */
export interface ShopDependencies {
  readonly config: Config;
  readonly redis: RedisClient;
  readonly database: Database;
  readonly logger: Logger;
  /** The local stand-in for the exchange-rate API; needed unless `config.ratesUrl` names a real one. */
  readonly ratesStandIn?: RatesStandIn;
  /** Begins every Redis key. @default 'shop:' */
  readonly prefix?: string;
}

/** The app, and its end. */
export interface Shop {
  /** Listens nowhere by itself. */
  readonly app: Express;
  /** Stops the timers of the guards. */
  close(): Promise<void>;
}

const PUBLIC = fileURLToPath(new URL('../public', import.meta.url));

/** Builds the shop. @throws {Error} when there is neither an exchange-rate API nor a stand-in for it. */
export function createShop(dependencies: ShopDependencies): Shop {
  const { config, redis, database, logger, ratesStandIn, prefix = 'shop:' } = dependencies;
  const providerUrl = config.ratesUrl ?? ratesStandIn?.url;
  if (providerUrl === undefined)
    throw new Error('createShop() needs `ratesStandIn` when `config.ratesUrl` is not set.');
  const guards = createGuards({ redis, config, prefix });
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', config.trustProxy);
  app.use(logRequests(logger), helmet({ contentSecurityPolicy: { useDefaults: false, directives: PAGE_POLICY } }));
  // Before everything that needs Redis or counts.
  app.use(healthRoutes({ redis, database }));
  app.use(express.static(PUBLIC));
  if (config.hasDemoControls) app.use(demoControls({ guards, standIn: ratesStandIn }));

  // From here on requests count. What is above costs nothing worth limiting, and health checks must never be turned away.
  const api = Router();
  api.use(guards.apiLimit);
  // Without a session: these answers are the same for all, and still there when sessions cannot be read.
  api.use(catalogueRoutes({ database, guards }), rateRoutes({ cache: guards.rates, providerUrl }));
  api.use(guards.sessions.middleware, json({ limit: '20kb' }));
  api.use(logInRoutes({ database, guards }), deviceRoutes({ guards }), cartRoutes({ database, guards }));
  api.use(reviewRoutes({ database, guards }), orderRoutes({ database, guards }));
  app.use('/api', api);
  // Last: what nobody answered, and what went wrong anywhere above.
  app.use(notFound(), errorHandler());
  return { app, close: () => guards.close() };
}

/** Everything from this origin and nothing inline; helmet's default allows inline styles and foreign fonts. */
const PAGE_POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'"],
  connectSrc: ["'self'"],
  formAction: ["'self'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
};
