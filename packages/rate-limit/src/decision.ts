// The words in which every part of the package speaks about a decision. Durations only: a moment would have to be compared
// with a clock, and the client's and the server's differ.

/** How many requests are admitted, and over how long. */
export interface Policy {
  readonly limit: number;
  readonly windowMs: number;
}

/** What an algorithm says about one request. */
export interface Verdict {
  readonly isAllowed: boolean;
  /** Requests that would still be admitted at once. */
  readonly remaining: number;
  /** Milliseconds until the full limit is available again, if nothing else is admitted; 0 when it is. */
  readonly resetMs: number;
  /** Milliseconds until the next request would be admitted; 0 when it would be at once. */
  readonly retryAfterMs: number;
}

/** A verdict and who gave it. */
export interface Decision extends Verdict {
  /** The limiter's name. */
  readonly name: string;
  readonly key: string;
  readonly limit: number;
  /** `redis`: over all processes. `local`: by this process alone, because Redis did not answer. */
  readonly source: 'redis' | 'local';
}

/** What is left when Redis did not answer and `onStoreFailure` is `'open'` or `'closed'`: nothing was counted. */
export interface Undecided {
  readonly source: 'none';
  readonly isAllowed: boolean;
}
