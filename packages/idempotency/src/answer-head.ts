// Status and headers of an answer: how they are read from a response, which of them belong to the answer and which to the
// one delivery of it, and how they are put on another response. No I/O.

import { STATUS_CODES, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';

/** Status line and headers of a kept answer. */
export interface AnswerHead {
  readonly status: number;
  /** Reason phrase, when the handler chose its own. */
  readonly statusMessage?: string;
  readonly headers: readonly (readonly [name: string, value: string | string[]])[];
  /** Headers that middleware had set and the handler took away. */
  readonly removed: readonly string[];
  /** What was sent behind the body, when there was something. */
  readonly trailers?: readonly [name: string, value: string][];
}

/** What belongs to one delivery and not to the answer. */
const NOT_REPLAYED = new Set([
  // RFC 9110 §7.6.1, RFC 9112: they belong to the connection. Node writes them anew.
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  // RFC 9110 §6.6.1 and §8.6: made for each message.
  'date',
  'content-length',
  // A session that was begun then is not to be set again, least of all after a log-out.
  'set-cookie',
  // They name and time one request.
  'traceparent',
  'tracestate',
  'server-timing',
  'x-response-time',
  'request-id',
  'x-request-id',
  'correlation-id',
  'x-correlation-id',
  'x-amzn-trace-id',
  'x-cloud-trace-context',
  'idempotency-replayed',
  'idempotency-retention',
]);
const RATE_LIMIT = /^(?:x-)?ratelimit(?:-|$)|^x-rate-limit(?:-|$)/;

/** Whether a header of the first answer is sent again. */
export function isReplayed(name: string, connectionOptions: readonly string[] = []): boolean {
  const lowerCase = name.toLowerCase();
  return !NOT_REPLAYED.has(lowerCase) && !RATE_LIMIT.test(lowerCase) && !connectionOptions.includes(lowerCase);
}

/**
 * The head of the response as it stands.
 *
 * @param before the headers at the time when the handler got the response: what is unchanged since was set by middleware
 *   above, which sets it anew on each request
 */
export function readHead(res: ServerResponse, before: OutgoingHttpHeaders): AnswerHead {
  const after = res.getHeaders();
  // RFC 9110 §7.6.1: Connection names further headers that are for the next hop only.
  const connectionOptions = String(after['connection'] ?? '')
    .toLowerCase()
    .split(/\s*,\s*/);
  const headers: [string, string | string[]][] = [];
  for (const name of rawHeaderNames(res)) {
    const value = after[name.toLowerCase()];
    // RFC 9110 §9.3.2: to HEAD, the length is told without a body that would show it.
    const isToldLength = name.toLowerCase() === 'content-length' && res.req.method === 'HEAD';
    if (value === undefined || !(isToldLength || isReplayed(name, connectionOptions))) continue;
    if (String(value) === String(before[name.toLowerCase()] ?? '')) continue;
    headers.push([name, Array.isArray(value) ? value.map(String) : String(value)]);
  }
  const removed = Object.keys(before).filter((name) => !(name in after) && isReplayed(name));
  const { statusCode: status, statusMessage } = res;
  const isOwnMessage = Boolean(statusMessage) && statusMessage !== STATUS_CODES[status];
  return { status, ...(isOwnMessage && { statusMessage }), headers, removed };
}

/** Puts a kept head on a response that has not begun. */
export function writeKeptHead(res: ServerResponse, head: AnswerHead): void {
  res.statusCode = head.status;
  if (head.statusMessage !== undefined) res.statusMessage = head.statusMessage;
  for (const name of head.removed) res.removeHeader(name);
  for (const [name, value] of head.headers) res.setHeader(name, value);
}

/** Names as they were written. Every ServerResponse has the method; its types only know it on requests. */
function rawHeaderNames(res: ServerResponse): string[] {
  return (res as unknown as { getRawHeaderNames(): string[] }).getRawHeaderNames();
}
