// Error responses of the middlewares: problem details (RFC 9457) for API clients, one line of text for the others.

import type { IncomingMessage, ServerResponse } from 'node:http';

/** A problem details object (RFC 9457 §3.1); further members are extensions (§3.2). */
export interface Problem {
  /** HTTP status of the response. */
  readonly status: number;
  /** URI that identifies the kind of problem. @default 'about:blank' */
  readonly type?: string;
  readonly title: string;
  readonly detail?: string;
  readonly [extension: string]: unknown;
}

/**
 * Answers the request with `problem`, uncacheable: `application/problem+json`, or plain text for a client that asks for
 * HTML or text and not for JSON. Does nothing when the response has begun.
 */
export function sendProblem(req: IncomingMessage, res: ServerResponse, problem: Problem): void {
  if (res.headersSent || res.writableEnded) return;
  const isJson = acceptsJson(req.headers.accept);
  const body = isJson
    ? JSON.stringify({ type: 'about:blank', ...problem })
    : `${problem.title}${problem.detail === undefined ? '' : `: ${problem.detail}`}\n`;
  // What a handler has said about its own body is not true of this one.
  for (const name of ['Content-Encoding', 'Content-Language', 'Content-Range', 'ETag']) res.removeHeader(name);
  res.statusCode = problem.status;
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Type', isJson ? 'application/problem+json' : 'text/plain; charset=utf-8');
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(req.method === 'HEAD' ? undefined : body);
}

function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || /\bjson\b/i.test(accept)) return true;
  // Browsers ask for text/html and end with */*; they get the text.
  return /\*\/\*|application\/\*/.test(accept) && !/text\/html/i.test(accept);
}
