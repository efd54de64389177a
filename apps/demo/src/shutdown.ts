/**
 * Ends the process in order: stop accepting, let running requests finish, then close what they needed. A request that does
 * not finish does not keep the process for ever.
 *
 * Asked for by SIGINT, SIGTERM, or the end of the parent (IPC `disconnect`). The same signal a second
 * time (Ctrl-C, Ctrl-C) ends it at once; another one does not, because after Ctrl-C a launcher often sends SIGTERM as well.
 */
import type { Server } from 'node:http';
import type { Logger } from 'pino';

const DEADLINE_MS = 5000;

/** What to close, in this order, after the last request. */
export interface ShutdownOptions {
  readonly server: Server;
  readonly logger: Logger;
  readonly close: readonly (() => unknown)[];
}

/** Installs the signal handlers. @returns a function that begins the shutdown for another reason. */
export function shutDownInOrder({
  server,
  logger,
  close,
}: ShutdownOptions): (reason: string, exitCode?: number) => void {
  let endingFor: string | undefined;

  async function end(exitCode: number): Promise<void> {
    const overdue = setTimeout(() => {
      logger.error(`not closed after ${DEADLINE_MS} ms, ending anyway`);
      process.exit(1);
    }, DEADLINE_MS);
    await drain(server);
    for (const step of close) {
      try {
        await step();
      } catch (error) {
        // The other steps must still run.
        logger.error({ err: error }, 'could not close in order');
      }
    }
    clearTimeout(overdue);
    logger.info('closed');
    process.exit(exitCode);
  }

  function begin(reason: string, exitCode = 0): void {
    if (endingFor === reason) process.exit(1);
    if (endingFor !== undefined) return;
    endingFor = reason;
    logger.info({ reason }, 'closing');
    void end(exitCode);
  }

  process.on('SIGINT', () => begin('SIGINT'));
  process.on('SIGTERM', () => begin('SIGTERM'));
  // Without a parent there is no channel and the event never comes.
  process.on('disconnect', () => begin('the parent is gone'));
  process.channel?.unref();
  return begin;
}

/** Resolves when the last request has its answer; idle keep-alive connections are closed at once. */
function drain(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    // Connections that become idle during the drain would hold it up until their keep-alive time is over.
    const sweep = setInterval(() => server.closeIdleConnections(), 50);
    server.once('close', () => clearInterval(sweep));
  });
}
