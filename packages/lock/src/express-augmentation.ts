import type { RequestLease } from './lock-requests.js';

declare global {
  namespace Express {
    interface Request {
      /** The lease under which this request is handled. Absent when no `lockRequests` ran, or it let the request through. */
      lease?: RequestLease;
    }
  }
}
