import { checkCost } from './arguments.js';
import type { Decision } from './decision.js';

/** A charge by estimate, to be settled when the true cost is known. */
export interface Reservation {
  readonly decision: Decision;
  /**
   * Charges the difference, or gives it back; 0 gives everything back. Only the first call does anything. What is charged
   * beyond the estimate is charged even above the limit: it has been used.
   *
   * @returns whether it was recorded; `false` when the lease had ended, Redis did not answer, or it was settled before
   */
  settle(actual: number): Promise<boolean>;
}

/** The reservation of `decision`, which `settle` settles once. */
export function reservationOf(decision: Decision, settle: (actual: number) => Promise<boolean>): Reservation {
  let isSettled = false;
  return {
    decision,
    async settle(actual) {
      checkCost('actual', actual);
      if (isSettled) return false;
      isSettled = true;
      return settle(actual);
    },
  };
}

/** The reservation of a decision that charged nothing. */
export function releasedReservation(decision: Decision): Reservation {
  return reservationOf(decision, async () => false);
}
