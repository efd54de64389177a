// The middleware: the order of its steps. What a key is, what a payload is, which headers are sent again and how an answer
// is captured stand in files of their own; the scripts decide who runs.

import { clearPrefix, createEventSink, sendProblem, StoreUnavailableError, type Problem } from '@sallyport/core';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { writeKeptHead } from './answer-head.js';
import { captureAnswer } from './capture.js';
import { readClaim } from './claim-request.js';
import { replayContext } from './context.js';
import type { IdempotencyEvent } from './events.js';
import { resolveOptions, type IdempotencyOptions } from './options.js';
import { answerNotKept, inProgress, keyReused, leaseLost, storeUnavailable } from './problems.js';
import { recordId, type IdempotentRequest } from './record-id.js';
import { RecordStore, type Claim } from './record-store.js';
import { Run } from './run.js';
import type { ClaimReply } from './scripts/claim.js';
import type { RecordState } from './scripts/inspect.js';

/** The middleware, with what operators need. */
export interface IdempotencyHandler extends RequestHandler {
  /** What is known of a request, given itself or as the `key` of an event; `undefined` if nothing. Changes nothing. */
  get(request: IdempotentRequest | string): Promise<RecordState | undefined>;
  /** Forgets a request, so that it can run again. Gives whether it was known. */
  delete(request: IdempotentRequest | string): Promise<boolean>;
  /** Removes every key under the prefix, for administration. Gives their number. */
  clear(): Promise<number>;
  /** Ends the renewals: requests that are still running keep their lease until it runs out. */
  close(): Promise<void>;
}

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
  const { redis, prefix, onStoreFailure, maxBodyBytes } = settings;
  const events = createEventSink<IdempotencyEvent>('idempotency', settings.onEvent);
  const store = new RecordStore(settings, events);
  const runs = new Set<Run>();

  /** Sends the claim, and does not wait for the reply. `undefined` when the request is to run without one. */
  async function sendClaim(req: Request, res: Response): Promise<PendingClaim | 'answered' | undefined> {
    const request = await readClaim(req, res, settings);
    if (request.kind === 'unprotected') return undefined;
    if (request.kind === 'refused') {
      sendProblem(req, res, request.problem);
      return 'answered';
    }
    return { ...request, sentAt: performance.now(), reply: store.claim(request.claim) };
  }

  /** Waits for the reply and acts on it; gives whether the handler is to run. */
  async function receiveReply(req: Request, res: Response, pending: PendingClaim): Promise<boolean> {
    const key = pending.claim.id;
    const reply = await pending.reply.catch((error: unknown) => {
      if (error instanceof StoreUnavailableError) return undefined;
      throw error;
    });
    if (reply === undefined) {
      if (onStoreFailure === 'closed') return refuseForNow(req, res, RETRY_AFTER_FAILURE_MS, storeUnavailable());
      events.emit({ type: 'unprotected', key });
      return true;
    }
    if (reply.outcome === 'claimed') {
      events.emit({ type: 'claimed', key, token: reply.token });
      start(req, res, pending, reply.token);
      return true;
    }
    if (reply.outcome === 'running') {
      events.emit({ type: 'conflict', key, remainingMs: reply.remainingMs });
      return refuseForNow(req, res, reply.remainingMs, inProgress());
    }
    if (reply.outcome === 'mismatch') {
      events.emit({ type: 'mismatch', key });
      sendProblem(req, res, keyReused());
      return false;
    }
    events.emit({ type: 'replayed', key, token: reply.token, status: reply.head.status });
    req.idempotency = replayContext(pending.clientKey, reply.token);
    replay(req, res, reply);
    return false;
  }

  function start(req: Request, res: Response, { claim, sentAt, clientKey }: PendingClaim, token: number): void {
    const run = new Run({ ...claim, token, sentAt }, { ...settings, store, events });
    runs.add(run);
    req.idempotency = run.contextFor(clientKey);
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

  return Object.assign(idempotencyMiddleware, {
    get: async (request: IdempotentRequest | string) => store.inspect(idOf(request)),
    delete: async (request: IdempotentRequest | string) => store.delete(idOf(request)),
    clear: () => clearPrefix(redis, prefix),
    async close() {
      for (const run of runs) run.abandon();
    },
  });
}

function idOf(request: IdempotentRequest | string): string {
  return typeof request === 'string' ? request : recordId(request);
}

/** Answers with a problem that passes. */
function refuseForNow(req: Request, res: Response, retryAfterMs: number, problem: Problem): false {
  // RFC 9110 §10.2.3: whole seconds.
  res.setHeader('Retry-After', Math.max(Math.ceil(retryAfterMs / 1000), 1));
  sendProblem(req, res, problem);
  return false;
}

function replay(req: Request, res: Response, { head, body }: Extract<ClaimReply, { outcome: 'done' }>): void {
  if (head.isBodyKept) {
    writeKeptHead(res, head);
    res.setHeader('Idempotency-Replayed', 'true');
    // Not `end(body)`: with a length that Node finds by itself, it garbles a Content-Disposition that is not ASCII.
    // RFC 9110 §15.3.5, §15.4.5: an answer without content has no length either.
    if (body.length > 0 && head.status !== 204 && head.status !== 304)
      res.setHeader('Content-Length', body.length).write(body);
    res.end();
    return;
  }
  const location = head.headers.find(([name]) => name.toLowerCase() === 'location');
  if (location !== undefined) res.setHeader('Location', location[1]);
  sendProblem(req, res, answerNotKept(head.status));
}
