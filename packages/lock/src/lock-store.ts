// Where leases come from: one Redis (granting.ts), or a majority of several (quorum.ts).

import type { Lease } from './lease.js';
import type { HeldLock } from './scripts/inspect.js';
import type { Attempt, WaitLimits } from './waiting.js';

/** What a caller wants. */
export interface LeaseRequest {
  readonly resource: string;
  readonly leaseMs: number;
  /** How many leases there may be at a time, this one included. */
  readonly limit: number;
}

export interface LockStore {
  /** Tries once. @throws {LockUnavailableError} when Redis does not answer */
  tryOnce(request: LeaseRequest): Promise<Attempt<Lease>>;
  /** Waits for its turn. @throws {LockTimeoutError} {LockAbortedError} {LockUnavailableError} */
  wait(request: LeaseRequest, limits: WaitLimits): Promise<Lease>;
  get(resource: string): Promise<HeldLock | undefined>;
  /** Takes the lock from who holds it; gives whether somebody did. */
  delete(resource: string): Promise<boolean>;
  clear(): Promise<number>;
  /** Ends all waits. */
  close(): void;
}
