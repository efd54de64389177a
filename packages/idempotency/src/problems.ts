// The answers that the middleware gives by itself, as problem details (RFC 9457). The `type` URIs are part of the API:
// they lead to the README's section on errors and do not change.

import type { Problem } from '@sallyport/core';

const BASE = 'https://github.com/sallyport/sallyport/tree/main/packages/idempotency#';

/** The `type` of each problem, to compare with. */
export const problemTypes = {
  keyMissing: `${BASE}key-missing`,
  keyMalformed: `${BASE}key-malformed`,
  keyReused: `${BASE}key-reused`,
  inProgress: `${BASE}in-progress`,
  outcomeUnknown: `${BASE}outcome-unknown`,
  answerNotKept: `${BASE}answer-not-kept`,
  storeUnavailable: `${BASE}store-unavailable`,
  leaseLost: `${BASE}lease-lost`,
} as const;

/** draft-ietf-httpapi-idempotency-key-header-07 §2.7: 400 for a missing key where one is required. */
export const keyMissing = (header: string): Problem => ({
  type: problemTypes.keyMissing,
  status: 400,
  title: 'Idempotency key missing',
  detail: `This operation is made only once per key: send a new ${header} with each operation.`,
});

export const keyMalformed = (header: string, reason: string): Problem => ({
  type: problemTypes.keyMalformed,
  status: 400,
  title: 'Idempotency key malformed',
  detail: `${header} must be a string in double quotes of 1 to 255 characters: ${reason}.`,
});

/** Draft-07 §2.7: 422 for a key that was used with another payload. */
export const keyReused = (): Problem => ({
  type: problemTypes.keyReused,
  status: 422,
  title: 'Idempotency key used before',
  detail: 'This key belongs to a request with another payload. Use a new key for a new operation.',
});

/** Draft-07 §2.7: 409 while the first request is running. */
export const inProgress = (): Problem => ({
  type: problemTypes.inProgress,
  status: 409,
  title: 'Request in progress',
  detail: 'A request with this key is being processed. Send it again after the time in Retry-After.',
});

/** After a crash behind `markEffect()`. Asking again does not help, but it does no harm either. */
export const outcomeUnknown = (): Problem => ({
  type: problemTypes.outcomeUnknown,
  status: 409,
  title: 'Outcome unknown',
  detail: 'The first request with this key ended without an answer and may have had its effect. It is not made again.',
});

export const answerNotKept = (originalStatus: number): Problem => ({
  type: problemTypes.answerNotKept,
  status: 409,
  title: 'Request was processed before',
  detail: `It was answered with status ${originalStatus}; that answer was too large to be kept.`,
  originalStatus,
});

export const storeUnavailable = (): Problem => ({
  type: problemTypes.storeUnavailable,
  status: 503,
  title: 'Try again later',
  detail: 'It cannot be found out whether this request was made before. Nothing was done. Send it again with this key.',
});

export const leaseLost = (): Problem => ({
  type: problemTypes.leaseLost,
  status: 503,
  title: 'Try again later',
  detail: 'Another process has taken over this request. Send it again with the same key to get its answer.',
});
