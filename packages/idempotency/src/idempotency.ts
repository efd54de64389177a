// The middleware: the order of its steps. What a key is, what a payload is, which headers are sent again and how an answer
// is captured stand in files of their own; the scripts decide who runs.

import { sendProblem, StoreUnavailableError } from '@sallyport/core';
import type { NextFunction, Request, Response } from 'express';
import { captureAnswer } from './capture.js';
import { readClaim } from './claim-request.js';
import { createHandle, type IdempotencyHandler } from './handle.js';
import { resolveOptions, type IdempotencyOptions } from './options.js';
import { answerDuplicate, publishRetention, refuseForNow } from './own-answers.js';
import { leaseLost, storeUnavailable } from './problems.js';
import { RecordStore, type Claim } from './record-store.js';
import { Run, type GrantedClaim } from './run.js';
import type { ClaimReply } from './scripts/claim.js';
import { createCountedEvents } from './stats.js';
import type { WaitEnd } from './waiting-group.js';
import { WaitingRoom } from './waiting-room.js';

/** A claim on its way. */
interface PendingClaim {
  readonly claim: Claim;
  readonly clientKey: string;
  readonly sentAt: number;
  readonly reply: Promise<ClaimReply>;
}

const RETRY_AFTER_FAILURE_MS = 1_000;

/**
 * Gives middleware that runs a request once per Idempotency-Key and answers its duplicates with the first one's answer.
 * Mount it after authentication and body parsers, before the handler.
 *
 * @throws {OptionError} for an option that is wrong, unknown, or missing (`redis`, `scope`)
 * @example
 * app.use(express.json());
 * app.post('/orders', idempotency({ redis, scope: (req) => req.user.id }), placeOrder);
 */
export function idempotency(options: IdempotencyOptions): IdempotencyHandler {
  const settings = resolveOptions(options);
  const { redis, prefix, onStoreFailure, maxBodyBytes, retentionMs, wait, waitMs } = settings;
  const events = createCountedEvents(settings.onEvent);
  const store = new RecordStore(settings, events);
  const waitingRoom = new WaitingRoom(redis, store);
  const runs = new Set<Run>();

  /** Sends the claim, and does not wait for the reply. `undefined` when the request is to run without one. */
  async function sendClaim(req: Request, res: Response): Promise<PendingClaim | 'answered' | undefined> {
    const request = await readClaim(req, res, settings);
    if (request.kind === 'unprotected') return undefined;
    if (request.kind === 'refused') {
      sendProblem(req, res, request.problem);
      return 'answered';
    }
    return { ...request, sentAt: performance.now(), reply: store.claim(request.claim, wait) };
  }

  /** Waits for the reply and acts on it; gives whether the handler is to run. */
  async function receiveReply(req: Request, res: Response, pending: PendingClaim): Promise<boolean> {
    const { clientKey, claim, sentAt } = pending;
    const key = claim.id;
    let isFirst = true;
    try {
      const reply = await pending.reply;
      if (reply.outcome !== 'running' || !wait) return act(req, res, clientKey, { reply, claim, sentAt });
      isFirst = false;
      events.emit({ type: 'waiting', key, remainingMs: reply.remainingMs });
      const end = await waitingRoom.wait({ reply, claim, sentAt }, waitMs, res);
      return end !== undefined && act(req, res, clientKey, end);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      // Who has waited knows that somebody else runs it.
      if (onStoreFailure === 'open' && isFirst) {
        events.emit({ type: 'unprotected', key });
        return true;
      }
      refuseForNow(req, res, RETRY_AFTER_FAILURE_MS, storeUnavailable());
      return false;
    }
  }

  /** Gives whether the handler is to run. */
  function act(req: Request, res: Response, clientKey: string, { reply, claim, sentAt }: WaitEnd): boolean {
    const key = claim.id;
    if (reply.outcome !== 'claimed') {
      answerDuplicate(req, res, reply, { key, clientKey, retentionMs, events });
      return false;
    }
    const { token, steps } = reply;
    events.emit({ type: 'claimed', key, token, steps: steps.size });
    start(req, res, clientKey, { ...claim, token, sentAt, steps });
    return true;
  }

  function start(req: Request, res: Response, clientKey: string, claim: GrantedClaim): void {
    const run = new Run(claim, { ...settings, store, events });
    runs.add(run);
    req.idempotency = run.contextFor(clientKey);
    publishRetention(res, retentionMs);
    let isAnswered = false;
    captureAnswer(res, {
      maxBodyBytes,
      onAnswer(answer) {
        isAnswered = true;
        runs.delete(run);
        return run.conclude(answer);
      },
      replace: () => refuseForNow(req, res, RETRY_AFTER_FAILURE_MS, leaseLost()),
    });
    res.once('close', () => {
      // An answer that was broken off half-way may never be ended (pipe stops, an error handler cuts the connection). One
      // that has not begun is still being made: it is waited for, and kept although its client has gone.
      if (!isAnswered && res.headersSent) run.abandon();
    });
  }

  async function idempotencyMiddleware(req: Request, res: Response, next: NextFunction): Promise<void> {
    let isToRun: boolean;
    try {
      const pending = await sendClaim(req, res);
      isToRun = pending === undefined || (pending !== 'answered' && (await receiveReply(req, res, pending)));
    } catch (error) {
      return next(error);
    }
    if (isToRun) next();
  }

  const close = () => {
    for (const run of runs) run.abandon();
    waitingRoom.close();
  };
  return Object.assign(idempotencyMiddleware, createHandle({ redis, prefix, store, events, close }));
}
