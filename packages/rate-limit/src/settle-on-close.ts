// Settles a request's reservation when its response is over, however it ends. A reservation that nobody settles, because
// the process died, goes back when its lease ends.

import { messageOf } from '@sallyport/core';
import type { Request, Response } from 'express';
import type { MeasuredCost } from './middleware-options.js';
import type { Reservation } from './reservation.js';

/**
 * Settles by `measured`, or by the estimate when there is none (requests in flight end, their cost stays). A response that
 * was never sent because the client went away costs nothing when it is measured.
 */
export function settleOnClose(
  req: Request,
  res: Response,
  reservation: Reservation,
  measured: MeasuredCost | undefined,
  isReserving: boolean,
): void {
  const { decision } = reservation;
  if (!isReserving || !decision.isAllowed) return;

  function settle(): void {
    res.off('finish', settle);
    res.off('close', settle);
    let actual = decision.cost;
    if (measured !== undefined) actual = res.writableFinished ? measuredCost(measured) : 0;
    reservation.settle(actual).catch(warn);
  }

  function measuredCost({ actual }: MeasuredCost): number {
    try {
      return actual(req, res);
    } catch (error) {
      // The response is on its way: nobody is left to be told but the operator. The estimate stays charged.
      warn(error);
      return decision.cost;
    }
  }

  // The client may have gone while Redis was asked: then neither event comes.
  if (res.destroyed || res.writableFinished) return settle();
  res.on('finish', settle);
  res.on('close', settle);
}

function warn(error: unknown): void {
  process.emitWarning(`The cost of a request was not settled: ${messageOf(error)}`, 'SallyportWarning');
}
