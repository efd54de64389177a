export { createShop, type Shop, type ShopDependencies } from './app.js';
export { type Config, ConfigError, readConfig } from './config.js';
export { type Database, DatabaseUnavailableError, type Queryable } from './database/database.js';
export { type DatabaseOptions, type OpenDatabase, openDatabase } from './database/open-database.js';
export { createLogger } from './logging.js';
export { type RatesMode, type RatesStandIn, startRatesStandIn } from './rates/rates-stand-in.js';
