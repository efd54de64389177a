import type { Decision } from './decision.js';

declare global {
  namespace Express {
    interface Request {
      /**
       * The decision about this request; when several limiters ran, the one with the fewest requests remaining. Absent when
       * none ran, when it was skipped, and when Redis did not answer and the policy is `'open'`.
       */
      rateLimit?: Decision;
    }
  }
}
