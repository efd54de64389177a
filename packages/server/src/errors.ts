// All failures that callers see. Codes are stable; the README says what to do about each.

/** Thrown when an option has an unknown name or a value outside its range. Synchronous, before anything is started. */
export class ServerOptionError extends Error {
  override readonly name = 'ServerOptionError';
  readonly code = 'ERR_SERVER_OPTION';
  /** Name of the refused option. */
  readonly option: string;

  constructor(option: string, expected: string, received: string) {
    super(`@sallyport/server: option \`${option}\` must be ${expected}, got ${received}`);
    this.option = option;
  }
}

/** Thrown when the address cannot be listened on: in use, not permitted, or not this machine's. `cause` is Node's error. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'ERR_SERVER_LISTEN';

  constructor(address: string, cause: unknown) {
    super(`@sallyport/server: cannot listen on ${address}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/** Thrown when the server is closed, but `onShutdown` failed or did not end in time. `cause` is what it threw, if it did. */
export class ShutdownError extends Error {
  override readonly name = 'ShutdownError';
  readonly code = 'ERR_SERVER_SHUTDOWN';

  constructor(reason: string, options?: ErrorOptions) {
    super(`@sallyport/server: onShutdown ${reason}`, options);
  }
}
