// The lock for applications; `keepLease` for packages that hold a lease on a record of their own.
import './express-augmentation.js';
export { createLock, type Lock } from './lock.js';
export type { LockOptions, TryAcquireOptions, AcquireOptions } from './options.js';
export type { Lease } from './lease.js';
export type { LeaseSet } from './lease-set.js';
export type { ReleaseResult } from './scripts/release.js';
export {
  createFencedWriter,
  type FencedCommand,
  type FencedWriter,
  type FencedWriterOptions,
} from './fenced-writer.js';
export type { FencedWriteResult } from './scripts/fenced-write.js';
export { lockRequests, type LockableRequest, type LockRequestsHandler, type RequestLease } from './lock-requests.js';
export type { LockRequestsOptions } from './request-options.js';
export type { HeldLock } from './scripts/inspect.js';
export type { LockEvent } from './events.js';
export {
  LockAbortedError,
  LockHeldError,
  LockLostError,
  LockTimeoutError,
  LockUnavailableError,
  type LossReason,
} from './errors.js';
export { keepLease, type LeaseKeeper, type LeaseKeeperOptions } from './lease-keeper.js';
