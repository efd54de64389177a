import type { ShutdownReport } from './graceful-shutdown.js';

/** What happens while a server closes, in this order. `reason` is a signal's name or what `close()` was given. */
export type ShutdownEvent =
  | { readonly type: 'shutdown-started'; readonly reason: string }
  /** Every connection is gone. */
  | ({ readonly type: 'shutdown-drained'; readonly reason: string } & ShutdownReport)
  /** `onShutdown` failed or took too long. */
  | { readonly type: 'shutdown-failed'; readonly reason: string; readonly error: Error };
