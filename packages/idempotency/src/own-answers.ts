// How the middleware answers by itself: with a kept answer, or with a problem.

import { sendProblem, type EventSink, type Problem } from '@sallyport/core';
import type { Request, Response } from 'express';
import { writeKeptHead } from './answer-head.js';
import { replayContext } from './context.js';
import type { IdempotencyEvent } from './events.js';
import { answerNotKept, inProgress, keyReused, outcomeUnknown } from './problems.js';
import type { ClaimReply } from './scripts/claim.js';

/** What a duplicate is, and who hears of it. */
export interface DuplicateContext {
  /** Id of the record. */
  readonly key: string;
  readonly clientKey: string;
  readonly retentionMs: number;
  readonly events: EventSink<IdempotencyEvent>;
}

/** Answers a request that was not granted its claim. */
export function answerDuplicate(
  req: Request,
  res: Response,
  reply: Exclude<ClaimReply, { outcome: 'claimed' }>,
  { key, clientKey, retentionMs, events }: DuplicateContext,
): void {
  switch (reply.outcome) {
    case 'running':
      events.emit({ type: 'conflict', key, remainingMs: reply.remainingMs });
      return refuseForNow(req, res, reply.remainingMs, inProgress());
    case 'mismatch':
      events.emit({ type: 'mismatch', key });
      return sendProblem(req, res, keyReused());
    case 'unknown':
      events.emit({ type: 'unknown', key, token: reply.token });
      return sendProblem(req, res, outcomeUnknown());
    case 'done':
      events.emit({ type: 'replayed', key, token: reply.token, status: reply.head.status });
      req.idempotency = replayContext(clientKey, reply.token);
      publishRetention(res, retentionMs);
      return replay(req, res, reply);
  }
}

/** Tells how long kept answers of this resource are kept: until then, a client may send its request again. */
export function publishRetention(res: Response, retentionMs: number): void {
  if (!res.headersSent) res.setHeader('Idempotency-Retention', Math.floor(retentionMs / 1000));
}

/** Answers with a problem that passes. */
export function refuseForNow(req: Request, res: Response, retryAfterMs: number, problem: Problem): void {
  // RFC 9110 §10.2.3: whole seconds.
  res.setHeader('Retry-After', Math.max(Math.ceil(retryAfterMs / 1000), 1));
  sendProblem(req, res, problem);
}

/** Sends a kept answer again, or says that its body was not kept. */
function replay(req: Request, res: Response, kept: Extract<ClaimReply, { outcome: 'done' }>): void {
  const { head, body } = kept;
  if (!head.isBodyKept) {
    const location = head.headers.find(([name]) => name.toLowerCase() === 'location');
    if (location !== undefined) res.setHeader('Location', location[1]);
    return sendProblem(req, res, answerNotKept(head.status));
  }
  writeKeptHead(res, head);
  res.setHeader('Idempotency-Replayed', 'true');
  // RFC 9110 §15.3.5, §15.4.5: an answer without content has no length either.
  const isBodiless = head.status === 204 || head.status === 304 || body.length === 0;
  // RFC 9112 §7.1.2: trailers need chunks, which a length would rule out.
  if (head.trailers !== undefined) res.setHeader('Trailer', head.trailers.map(([name]) => name).join(', '));
  else if (!isBodiless) res.setHeader('Content-Length', body.length);
  // Not `end(body)`: with a length that Node finds by itself, it garbles a Content-Disposition that is not ASCII.
  if (!isBodiless) res.write(body);
  if (head.trailers !== undefined) res.addTrailers([...head.trailers]);
  res.end();
}
