// Counts what happens, from the events.

import type { SessionEvent } from './events.js';

/** How often each event has happened in this process since the sessions were made; absent means never. */
export type SessionStats = Readonly<Partial<Record<SessionEvent['type'], number>>>;

export interface Stats {
  readonly count: (event: SessionEvent) => void;
  readonly read: () => SessionStats;
}

export function createStats(): Stats {
  const counts: Partial<Record<SessionEvent['type'], number>> = {};
  return {
    count({ type }) {
      counts[type] = (counts[type] ?? 0) + 1;
    },
    read: () => ({ ...counts }),
  };
}
