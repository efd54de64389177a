// The response in place of the handler's, when its session could not be read or saved.

import { CoreError, sendProblem } from '@sallyport/core';
import type { Request, Response } from 'express';

/** Until then a client waits before it asks again (RFC 9110 §10.2.3): the breaker looks four times a second. */
const RETRY_AFTER_SECONDS = 1;

/** Headers that describe the body that is being replaced, or that only its success would justify. */
const REPLACED_HEADERS = /^(?:content-.*|etag|last-modified|location|set-cookie|accept-ranges|cache-control|expires)$/;

const TITLES: Record<number, string> = {
  401: 'The session has ended',
  409: 'The session ended while the request was being handled',
  500: 'The session could not be stored',
  503: 'Sessions are not available at the moment',
};

/**
 * Answers in place of the handler: 503 for a sick Redis, 409 for an ended session, 500 for data that cannot be stored.
 *
 * @param status replaces the status of the error
 */
export function answerFailure(req: Request, res: Response, error: unknown, status = statusOf(error)): void {
  for (const name of res.getHeaderNames()) if (REPLACED_HEADERS.test(name)) res.removeHeader(name);
  res.statusMessage = '';
  if (status === 503) res.setHeader('Retry-After', RETRY_AFTER_SECONDS);
  sendProblem(req, res, { status, title: TITLES[status] ?? 'Internal Server Error' });
}

function statusOf(error: unknown): number {
  return error instanceof CoreError ? (error.status ?? 500) : 500;
}
