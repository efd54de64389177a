// The leases that one lock instance holds: keeps them alive and gives them back, wherever they are stored.

import { createEventSink } from '@sallyport/core';
import { LockLostError } from './errors.js';
import type { LockEvent } from './events.js';
import { keepLease, type LeaseKeeper, type LeaseKeeperOptions } from './lease-keeper.js';
import { createLease, type Lease } from './lease.js';
import type { ReleaseResult } from './scripts/release.js';

/** A lease that was granted, and how its store renews and releases it. */
export interface Grant {
  readonly resource: string;
  readonly token: number;
  readonly leaseMs: number;
  /** `performance.now()` when the command was sent that began the lease. */
  readonly sentAt: number;
  readonly renew: LeaseKeeperOptions['renew'];
  readonly release: () => Promise<ReleaseResult>;
}

export class Holdings {
  readonly events;
  readonly #keepers = new Set<LeaseKeeper>();
  #isClosed = false;

  constructor(onEvent: ((event: LockEvent) => void) | undefined) {
    this.events = createEventSink<LockEvent>('lock', onEvent);
  }

  hold({ resource, token, leaseMs, sentAt, renew, release }: Grant): Lease {
    const keeper = keepLease({
      leaseMs,
      sentAt,
      renew,
      onLost: (reason) => {
        this.#keepers.delete(keeper);
        this.events.emit({ type: 'lost', key: resource, token, reason });
        return new LockLostError(resource, reason);
      },
    });
    this.#keepers.add(keeper);
    if (this.#isClosed) keeper.stopRenewing();

    const sendRelease = async (): Promise<ReleaseResult> => {
      this.#keepers.delete(keeper);
      try {
        const result = await release();
        if (result.released) {
          this.events.emit({ type: 'released', key: resource, token, heldMs: performance.now() - sentAt });
        }
        return result;
      } catch {
        // Whatever failed, the answer is the same, and it must not hide how the caller's own work ended.
        return { released: false, reason: 'unavailable' };
      }
    };
    return createLease({ resource, token, keeper, sendRelease });
  }

  /** Renews nothing any more; leases stay valid until they run out or are released. */
  close(): void {
    this.#isClosed = true;
    for (const keeper of this.#keepers) keeper.stopRenewing();
  }
}
