// Errors for `next(err)` and for `signal`. What concerns the client is answered as a problem instead, see problems.ts.

import { CoreError } from '@sallyport/core';
import type { LossReason } from '@sallyport/lock';

/** Thrown when `scope(req)` does not give a string with at least one character: without it, users would share keys. */
export class ScopeError extends CoreError {
  constructor(received: string) {
    const rule = 'must give a string that is not empty';
    super('ERR_IDEMPOTENCY_SCOPE', `@sallyport/idempotency: \`scope(req)\` ${rule}, got ${received}`, { status: 500 });
  }
}

/** Thrown when a request has a body that no parser has read: its payload would be compared as if it were empty. */
export class BodyNotParsedError extends CoreError {
  constructor(contentType: string | undefined) {
    super(
      'ERR_IDEMPOTENCY_BODY_NOT_PARSED',
      `@sallyport/idempotency: the request has a body (${contentType ?? 'no content type'}) that nothing has parsed; ` +
        'mount a body parser for it before idempotency(), or give `fingerprint`',
      { status: 500 },
    );
  }
}

/** Thrown when the parsed body cannot be told from others: multipart without `fingerprint`, or nested too deeply. */
export class BodyNotComparableError extends CoreError {
  constructor(reason: string, status: 400 | 500) {
    super('ERR_IDEMPOTENCY_BODY_NOT_COMPARABLE', `@sallyport/idempotency: the body cannot be compared: ${reason}`, {
      status,
    });
  }
}

/** The reason of `req.idempotency.signal`, thrown by `assertHeld()`: another process may run the same request now. */
export class IdempotencyLostError extends CoreError {
  readonly reason: LossReason;

  constructor(reason: LossReason) {
    const how = reason === 'expired' ? 'it could not be renewed in time' : 'its record is no longer ours';
    super('ERR_IDEMPOTENCY_LOST', `@sallyport/idempotency: the lease of this request is lost: ${how}`, { status: 503 });
    this.reason = reason;
  }
}

/** Thrown by `req.idempotency.step()` and `markEffect()` when they are used wrongly: the handler is to be mended. */
export class StepError extends CoreError {
  constructor(problem: string, cause?: unknown) {
    const options = cause === undefined ? { status: 500 } : { status: 500, cause };
    super('ERR_IDEMPOTENCY_STEP', `@sallyport/idempotency: wrong use of a step: ${problem}`, options);
  }
}
