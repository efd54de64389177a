import type { Decision } from './decision.js';

declare global {
  namespace Express {
    interface Request {
      /**
       * The decision about this request; when several limiters ran, the one that the client hits first. Absent when none
       * ran, when it was skipped or on the allow list, and in shadow mode.
       */
      rateLimit?: Decision;
    }
  }
}
