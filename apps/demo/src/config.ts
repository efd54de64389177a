/**
 * The shop's settings, from environment variables. Everything is checked at start: a typing error ends the process with a
 * sentence that names the variable, instead of surprising somebody at the first request.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';

/** The checked settings. README has the table of variables. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly redisUrl: string;
  /** `undefined`: the embedded Postgres. */
  readonly databaseUrl: string | undefined;
  /** Where the embedded Postgres keeps its seeded template. */
  readonly cacheDirectory: string;
  /** First one signs, all are accepted. */
  readonly sessionSecrets: readonly string[];
  /** Whether the secret was made up for this process: sessions then end with it. */
  readonly isSessionSecretRandom: boolean;
  /** Express's `trust proxy`: number of proxies, or their addresses. `0` trusts nobody. */
  readonly trustProxy: number | readonly string[];
  readonly logLevel: LogLevel;
  /** Base URL of the exchange-rate API; `undefined`: a local stand-in that can be told to fail. */
  readonly ratesUrl: string | undefined;
  /** Whether `POST /demo/…` is served. */
  readonly hasDemoControls: boolean;
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
/** From the fewest lines to the most; `silent` writes none. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Thrown when a variable has a value that the shop cannot use; the message names both. */
export class ConfigError extends Error {
  readonly code = 'ERR_DEMO_CONFIG';
}

const REDIS_URL = /^rediss?(\+(sentinel|cluster))?:\/\/[^\s/]/;
const POSTGRES_URL = /^postgres(ql)?:\/\//;
const MINIMUM_SECRET_LENGTH = 32;
const DEFAULT_CACHE = fileURLToPath(new URL('../../../.cache/demo', import.meta.url));

/**
 * @param env usually `process.env`; an empty value counts as absent.
 * @throws {ConfigError} for the first variable that cannot be used.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const read = (name: string): string | undefined => {
    const value = env[name]?.trim();
    return value === '' ? undefined : value;
  };
  const secrets = read('SESSION_SECRET')?.split(/\s+/);
  if (secrets === undefined && read('NODE_ENV') === 'production') {
    throw new ConfigError('SESSION_SECRET must be set when NODE_ENV is "production".');
  }
  if (secrets?.some((secret) => secret.length < MINIMUM_SECRET_LENGTH) === true) {
    // The value itself is a secret, so it is not repeated.
    throw new ConfigError(`SESSION_SECRET must have at least ${MINIMUM_SECRET_LENGTH} characters (each, if several).`);
  }
  return {
    host: read('HOST') ?? '127.0.0.1',
    port: integer('PORT', read('PORT') ?? '3000', 65_535),
    redisUrl: url('REDIS_URL', read('REDIS_URL') ?? 'redis://127.0.0.1:6379', REDIS_URL, 'redis://host:port'),
    databaseUrl: optionalUrl('DATABASE_URL', read('DATABASE_URL'), POSTGRES_URL, 'postgres://user:password@host/name'),
    cacheDirectory: read('DEMO_CACHE') ?? DEFAULT_CACHE,
    sessionSecrets: secrets ?? [randomBytes(32).toString('base64url')],
    isSessionSecretRandom: secrets === undefined,
    trustProxy: trustProxy(read('TRUST_PROXY') ?? '0'),
    logLevel: oneOf('LOG_LEVEL', read('LOG_LEVEL') ?? 'info', LOG_LEVELS),
    ratesUrl: optionalUrl('RATES_URL', read('RATES_URL'), /^https?:\/\//, 'https://host/path'),
    hasDemoControls: oneOf('DEMO_CONTROLS', read('DEMO_CONTROLS') ?? 'on', ['on', 'off']) === 'on',
  };
}

function integer(name: string, value: string, maximum: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number <= maximum) return number;
  throw new ConfigError(`${name} must be a whole number from 0 to ${maximum}, got "${value}".`);
}

function oneOf<const Allowed extends string>(name: string, value: string, allowed: readonly Allowed[]): Allowed {
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new ConfigError(`${name} must be one of ${allowed.join(', ')}, got "${value}".`);
}

function url(name: string, value: string, form: RegExp, example: string): string {
  if (form.test(value)) return value;
  // A URL may hold a password: only what stands before the first slash is shown.
  throw new ConfigError(`${name} must look like ${example}, got "${value.split('/')[0]}…".`);
}

function optionalUrl(name: string, value: string | undefined, form: RegExp, example: string): string | undefined {
  return value === undefined ? undefined : url(name, value, form, example);
}

function trustProxy(value: string): number | readonly string[] {
  if (/^\d+$/.test(value)) return integer('TRUST_PROXY', value, 32);
  const addresses = value.split(',').map((address) => address.trim());
  if (addresses.every((address) => /^([\da-f.:]+(\/\d+)?|loopback|linklocal|uniquelocal)$/i.test(address)))
    return addresses;
  // "true" would let every client choose its own address, and with it its own rate limit.
  throw new ConfigError(`TRUST_PROXY must be a number of proxies or a list of their addresses, got "${value}".`);
}
