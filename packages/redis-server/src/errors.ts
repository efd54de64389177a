/**
 * All errors that callers see, one class per failure, and the ways to look into what was caught. Codes are listed in the
 * README with what to do about each.
 */

/** What all errors of this package have in common: a stable `code`, and the original error as `cause`. */
export abstract class RedisServerError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Thrown when an option has an unknown name or a value outside its range. Raised synchronously, before anything is started. */
export class RedisServerOptionError extends RedisServerError {
  override readonly code = 'ERR_REDIS_SERVER_OPTION';
}

/** Thrown when this machine has no usable redis-server and none could be fetched. The message says how to get one. */
export class RedisNotFoundError extends RedisServerError {
  override readonly code = 'ERR_REDIS_SERVER_NOT_FOUND';
}

/** Thrown when a server process ended, or did not get ready in time, while it was being started. Carries the end of its log. */
export class RedisStartError extends RedisServerError {
  override readonly code = 'ERR_REDIS_SERVER_START';
}

/** Thrown when a port that the caller asked for by number is taken on 127.0.0.1. */
export class PortInUseError extends RedisServerError {
  override readonly code = 'ERR_REDIS_SERVER_PORT_IN_USE';
  readonly port: number;

  constructor(port: number, options?: ErrorOptions) {
    super(`Port ${port} on 127.0.0.1 is already in use`, options);
    this.port = port;
  }
}

/** Thrown when a control method is called on a server in a state that does not allow it, such as `pause()` after `stop()`. */
export class RedisServerStateError extends RedisServerError {
  override readonly code = 'ERR_REDIS_SERVER_STATE';
}

// `instanceof Error` would miss errors of another realm, such as those that Node's modules throw under a test runner.
function fieldOf(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  const message = fieldOf(error, 'message');
  return typeof message === 'string' ? message : String(error);
}

/** The system's code of a failure, such as `ENOENT`; undefined when it has none. */
export function codeOf(error: unknown): string | undefined {
  const code = fieldOf(error, 'code');
  return typeof code === 'string' ? code : undefined;
}

/** What a child process printed to stderr before it failed. */
export function stderrOf(error: unknown): string {
  const stderr = fieldOf(error, 'stderr');
  return typeof stderr === 'string' ? stderr : '';
}
