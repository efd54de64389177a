/**
 * The orderly end of a server: say `Connection: close`, stop accepting, let requests have their answers, cut what is late,
 * then close what the app needed. It has an end in any case: `drainDelayMs + shutdownDeadlineMs`, and the rest of the
 * deadline, a second at least, for `onShutdown`.
 */
import { Server as NetServer } from 'node:net';
import type { Server } from 'node:http';
import { checkOptions, refuse, type Resolved } from './check-options.js';
import { Connections } from './connections.js';
import { ShutdownError } from './errors.js';
import type { ShutdownEvent } from './events.js';
import { SHUTDOWN_CHECKS, type ShutdownOptions } from './options.js';
import { endOnSignals } from './signals.js';
import { within, wait } from './waiting.js';

/** How it went. */
export interface ShutdownReport {
  /** From the beginning until the last connection was gone. */
  readonly durationMs: number;
  /** Connections that were cut before they had their answer. 0 is an orderly end. */
  readonly aborted: number;
}

/** The end of one server. */
export interface Shutdown {
  /** True from the first call of `close()` or the first signal on: let the readiness check fail then. */
  readonly isClosing: boolean;
  /** Ends the server; a second call gives the promise of the first. @throws {ShutdownError} when `onShutdown` fails or is late */
  close(reason?: string): Promise<ShutdownReport>;
}

/** A client whose request has begun to come may finish it within this. */
const PATIENCE_MS = 1_000;
const LEAST_HOOK_MS = 1_000;

/**
 * Prepares the orderly end of any HTTP or HTTPS server of Node. Call it before the server listens: connections that are
 * older are not known.
 *
 * @throws {ServerOptionError} for what is no server and for a wrong option
 */
export function gracefulShutdown(server: Server, options: ShutdownOptions = {}): Shutdown {
  const shutdown = shutdownOf(server, checkOptions(options, SHUTDOWN_CHECKS));
  shutdown.begin();
  return shutdown;
}

/** {@link gracefulShutdown} with options that are checked; signals count from `begin()` on. */
export function shutdownOf(
  server: Server,
  options: Resolved<typeof SHUTDOWN_CHECKS>,
): Shutdown & { readonly begin: () => void } {
  if (!(server instanceof NetServer)) refuse('server', 'a server of node:http or node:https', server);
  const connections = new Connections(server);
  let closing: Promise<ShutdownReport> | undefined;
  let forgetSignals = () => {};
  const shutdown = {
    begin() {
      forgetSignals = endOnSignals(options.signals, shutdown);
    },
    get isClosing() {
      return closing !== undefined;
    },
    close(reason = 'close()') {
      closing ??= end(server, connections, options, reason).finally(() => forgetSignals());
      return closing;
    },
  };
  return shutdown;
}

async function end(
  server: Server,
  connections: Connections,
  { drainDelayMs, shutdownDeadlineMs, onShutdown, onEvent }: Resolved<typeof SHUTDOWN_CHECKS>,
  reason: string,
): Promise<ShutdownReport> {
  const report = (event: ShutdownEvent) => {
    try {
      onEvent?.(event);
    } catch {
      // A listener that fails must not keep a server from ending.
    }
  };
  const startedAt = performance.now();
  connections.sayClose();
  report({ type: 'shutdown-started', reason });
  if (drainDelayMs > 0) await wait(drainDelayMs);

  const deadlineAt = performance.now() + shutdownDeadlineMs;
  // Comes for a server that never listened, too, and for one that was closed and has connections left.
  const closed = new Promise<void>((resolve) => void server.once('close', resolve));
  // The part of `server.close()` that stops accepting; the other part cuts answers short, see Connections.
  NetServer.prototype.close.call(server);
  connections.leave(Math.min(PATIENCE_MS, shutdownDeadlineMs));
  const aborted = (await within(shutdownDeadlineMs, closed)) ? 0 : connections.destroy();
  const drained = { durationMs: Math.round(performance.now() - startedAt), aborted };
  report({ type: 'shutdown-drained', reason, ...drained });

  try {
    const hook = Promise.resolve().then(onShutdown);
    const restMs = Math.max(LEAST_HOOK_MS, deadlineAt - performance.now());
    if (!(await within(restMs, hook))) throw new ShutdownError(`did not end within ${Math.round(restMs)} ms`);
  } catch (cause) {
    const error = cause instanceof ShutdownError ? cause : new ShutdownError('failed', { cause });
    report({ type: 'shutdown-failed', reason, error });
    throw error;
  }
  return drained;
}
