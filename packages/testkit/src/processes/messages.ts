/**
 * What a test and its child processes say to each other.
 *
 *   child             parent
 *   ready     ──────►           the module is imported
 *             ◄──────  go       all are ready
 *   arrived   ──────►           at a barrier
 *             ◄──────  pass     all have arrived
 *   value | failed ─►           run() ended, or gave its value early
 */
export type FromChild =
  | { readonly type: 'ready' }
  | { readonly type: 'arrived' }
  | { readonly type: 'value'; readonly value: unknown }
  | { readonly type: 'failed'; readonly error: FailureReport };

/** An error on its way between processes. */
export interface FailureReport {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code?: unknown;
}

export type ToChild = { readonly type: 'go'; readonly task: Task } | { readonly type: 'pass' };

/** What one child has to do. */
export interface Task {
  readonly args: unknown;
  /** 0 for the first process. */
  readonly index: number;
  readonly count: number;
  /** Whether the process goes on after its value, as a server does. */
  readonly isLongLived: boolean;
}

/** What a child's `run(args, context)` gets beside its arguments. */
export interface ProcessContext {
  /** Position among the processes, from 0. */
  readonly index: number;
  readonly count: number;
  /** Resolves when all processes have called it. May be used again for the next step. */
  readonly barrier: () => Promise<void>;
  /** Gives the value to the test while `run` goes on; otherwise what `run` returns is the value. */
  readonly ready: (value?: unknown) => void;
}
