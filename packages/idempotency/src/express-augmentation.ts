import type { IdempotencyContext } from './context.js';

declare global {
  namespace Express {
    interface Request {
      /** Set by `idempotency()` when the request carries a key and was claimed or is being answered from its record. */
      idempotency?: IdempotencyContext;
    }
  }
}
