/**
 * The last two handlers of the app: what nobody answered is a 404, and what went wrong becomes problem details. The client
 * reads only messages that were written for it; everything else stays in the log.
 */
import { STATUS_CODES } from 'node:http';
import { sendProblem } from '@sallyport/core';
import type { ErrorRequestHandler, RequestHandler } from 'express';

/** Thrown by routes to answer with a status and a sentence for the client. */
export class HttpError extends Error {
  readonly code = 'ERR_DEMO_HTTP';
  readonly expose = true;

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Answers 404 to whatever reached it. */
export function notFound(): RequestHandler {
  return function notFoundHandler(req, res) {
    sendProblem(req, res, { status: 404, title: 'Not Found', detail: `There is no ${req.method} ${req.path}` });
  };
}

/** Turns an error into an answer: its own `status` when it has one, else 500. */
export function errorHandler(): ErrorRequestHandler {
  // Express recognises an error handler by its four parameters.
  return function handleError(error: unknown, req, res, next) {
    const status = statusOf(error);
    if (status >= 500) req.log.error({ err: error }, 'request failed');
    if (res.headersSent) {
      // Half an answer is out: Express closes the connection, so that nobody takes it for a whole one.
      next(error);
      return;
    }
    const title = STATUS_CODES[status] ?? 'Error';
    const detail = detailOf(error, status);
    if (status === 503) res.setHeader('Retry-After', '1');
    sendProblem(req, res, { status, title, ...(detail === undefined ? {} : { detail }) });
  };
}

function statusOf(error: unknown): number {
  const { status } = (error ?? {}) as { status?: unknown };
  return typeof status === 'number' && status >= 400 && status <= 599 ? status : 500;
}

function detailOf(error: unknown, status: number): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // `http-errors`, which Express's own parsers use, marks what may be shown in the same way.
  const isForClient = (error as { expose?: unknown }).expose === true;
  return isForClient && status !== 500 ? error.message : undefined;
}
