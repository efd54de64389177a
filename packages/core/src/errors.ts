// The base of every error that Sallyport throws, and the two that all packages share. Codes are stable: users switch on
// `code`, never on the message.

/** The base of every Sallyport error: a stable `code`, the `cause`, and an HTTP `status` where one is meant for a client. */
export class CoreError extends Error {
  /** Stable identifier, `ERR_<PACKAGE>_<REASON>`. */
  readonly code: string;
  /** HTTP status to answer with; absent when the error is not meant for an HTTP client. */
  readonly status?: number;

  constructor(code: string, message: string, options: { cause?: unknown; status?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    if (options.status !== undefined) this.status = options.status;
  }
}

/** Thrown when a factory is given an option that it refuses; the message names the option, the rule and the value. */
export class OptionError extends CoreError {
  /** Name of the refused option, with its path when nested: `cookie.sameSite`. */
  readonly option: string;

  constructor(packageName: string, option: string, expected: string, received: string) {
    const code = `ERR_${packageName.replaceAll('-', '_').toUpperCase()}_OPTION`;
    super(code, `@sallyport/${packageName}: option \`${option}\` must be ${expected}, got ${received}`);
    this.option = option;
  }
}

/**
 * Why a store call failed: `deadline` (no answer in time; it may still have been executed), `disconnected` (not sent, or
 * the connection broke while waiting), `circuit-open` (not sent, because the last calls failed), `reply` (Redis refused).
 */
export type StoreFailure = 'deadline' | 'disconnected' | 'circuit-open' | 'reply';

/** Thrown when Redis could not answer a call in time; each package turns it into its `onStoreFailure` policy. */
export class StoreUnavailableError extends CoreError {
  readonly reason: StoreFailure;

  constructor(packageName: string, reason: StoreFailure, detail: string, cause?: unknown) {
    const message = `@sallyport/${packageName}: Redis is unavailable: ${detail}`;
    super('ERR_CORE_STORE_UNAVAILABLE', message, { cause, status: 503 });
    this.reason = reason;
  }
}

/** The message of whatever was thrown; the code of an error that has none (`localhost` refused on all its addresses). */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? String(Reflect.get(error, 'code') ?? error.name) : error.message;
}
