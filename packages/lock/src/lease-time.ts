// The arithmetic of a lease on the holder's own clock. Pure: numbers in, numbers out.
//
//   send          answer            renewal          local end      end in Redis (at the earliest)
//    ├───────────────┼──────────────────┼─────────────────┼───────────────┤
//    └─ everything counts from here     lease/3           └──── guard ────┘

const MIN_GUARD_MS = 50;
const GUARD_SHARE = 0.05;

/** How long before its end in Redis a lease counts as lost: for stopping the work, and for clocks that drift. */
export function guardMs(leaseMs: number): number {
  return Math.max(MIN_GUARD_MS, leaseMs * GUARD_SHARE);
}

/**
 * When the holder must have stopped, on its monotonic clock. Redis starts the lease when the command arrives, so counting
 * from the moment it was sent can only be too careful, however slow the reply.
 */
export function localEnd(sentAt: number, leaseMs: number): number {
  return sentAt + leaseMs - guardMs(leaseMs);
}

/**
 * Pause until the next renewal, at most a third of the lease: two of them may fail before it is in danger. Shortened to a
 * grid of times that all leases share, so that they can be renewed together.
 */
export function renewalDelayMs(leaseMs: number, now: number): number {
  const gridMs = 2 ** Math.floor(Math.log2(leaseMs / 12));
  return Math.floor((now + leaseMs / 3) / gridMs) * gridMs - now;
}

/** Pause before a renewal that failed is tried again. */
export function retryDelayMs(leaseMs: number): number {
  return Math.max(20, leaseMs / 20);
}
