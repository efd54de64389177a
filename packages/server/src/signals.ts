import type { Shutdown } from './graceful-shutdown.js';

/**
 * Ends the process after an orderly shutdown: status 0, or 1 when a connection was cut or `onShutdown` failed. The same
 * signal a second time ends it at once; another one does not, because after Ctrl-C a launcher often sends SIGTERM, too.
 *
 * @returns what forgets the signals again
 */
export function endOnSignals(signals: readonly NodeJS.Signals[], shutdown: Shutdown): () => void {
  const seen = new Set<NodeJS.Signals>();
  const onSignal = (signal: NodeJS.Signals) => {
    if (seen.has(signal)) process.exit(1);
    seen.add(signal);
    shutdown.close(signal).then(
      ({ aborted }) => process.exit(aborted === 0 ? 0 : 1),
      // Reported as an event; there is nobody else to tell.
      () => process.exit(1),
    );
  };
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}
