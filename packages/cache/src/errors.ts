// The errors of this package. Loaders' own errors are passed on as they are; these stand for what has no error of its own.

import { CoreError } from '@sallyport/core';

/** Thrown when a loader took longer than `loadTimeoutMs`; its `signal` has been aborted with this error. */
export class LoadTimeoutError extends CoreError {
  constructor(key: string, timeoutMs: number) {
    super('ERR_CACHE_LOAD_TIMEOUT', `@sallyport/cache: loading "${key}" took longer than ${timeoutMs} ms`, {
      status: 504,
    });
  }
}

/** What is kept of a loader's error. Its message is not: messages of drivers quote credentials and data. */
export interface LoadFailure {
  readonly name: string;
  readonly code?: string;
  readonly status?: number;
}

/** Thrown in place of running a loader that failed less than `errorTtlMs` ago, in this process or another. */
export class CachedLoadError extends CoreError {
  /** Name, code and HTTP status of the loader's error. */
  readonly failure: LoadFailure;

  constructor(key: string, failure: LoadFailure) {
    const shown = failure.code === undefined ? failure.name : `${failure.name} [${failure.code}]`;
    super(
      'ERR_CACHE_LOAD_FAILED',
      `@sallyport/cache: loading "${key}" failed shortly before with ${shown}`,
      failure.status === undefined ? {} : { status: failure.status },
    );
    this.failure = failure;
  }
}

/** Thrown when a value is neither a Buffer nor something that JSON can hold, such as a BigInt or a cycle. */
export class UnstorableValueError extends CoreError {
  constructor(detail: string, cause?: unknown) {
    super('ERR_CACHE_VALUE', `@sallyport/cache: the value cannot be stored: ${detail}`, { cause });
  }
}

/** Thrown when a cache in plain mode is asked for what GET, SET and DEL can't do. */
export class PlainModeError extends CoreError {
  constructor(what: string) {
    super(
      'ERR_CACHE_PLAIN',
      `@sallyport/cache: plain mode has no ${what}: the server may be asked for GET, SET and DEL only`,
    );
  }
}
