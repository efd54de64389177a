// Sends a stored response. The head is built on the response itself, on top of what layers in front of the cache have set:
// their headers are made anew for each request and were not stored.

import type { Request, Response } from 'express';
import type { OutgoingHttpHeaders } from 'node:http';
import type { Replacement } from './capture.js';
import { isNotModified, type Conditions } from './conditional.js';
import { currentAgeSeconds, type Aged } from './freshness.js';
import { chooseRange } from './range.js';
import { headerOf, makeNotModified } from './response-head.js';
import type { StoredResponse } from './response-frame.js';

/** A stored response, and when it was stored. */
export type Stored = StoredResponse & Aged;

/** What the client asked of the representation. */
export interface Asked extends Conditions {
  readonly isHead: boolean;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  /** A layer in front would compress what is sent, so that a range of it would be none of what the client has. */
  readonly isRecoded: boolean;
}

/** Gives what the request asks for; to be called before anything of it is hidden. */
export function askedBy(req: Request, res: Response): Asked {
  const { headers, method } = req;
  return {
    isHead: method === 'HEAD',
    ifNoneMatch: headers['if-none-match'],
    ifModifiedSince: headers['if-modified-since'],
    // RFC 9110 §14.2: Range is defined for GET only.
    range: method === 'GET' ? headers.range : undefined,
    ifRange: headers['if-range'] as string | undefined,
    isRecoded: Object.hasOwn(res, 'write') && /\b(?:gzip|br|deflate|zstd|\*)/.test(headers['accept-encoding'] ?? ''),
  };
}

/** Heads as `writeHead` takes them, by the list that they are made of. */
const heads = new WeakMap<Stored['headers'], OutgoingHttpHeaders>();
/** Node writes a head and a text of this length by one copy; a Buffer is written beside the head. */
const MAX_TEXT_BYTES = 14_000;

/** Whether the client asks for the whole of what is stored, without conditions. */
export function isPlainGet({ method, headers }: Request): boolean {
  return (
    method === 'GET' &&
    headers['if-none-match'] === undefined &&
    headers['if-modified-since'] === undefined &&
    headers.range === undefined
  );
}

/** Answers a plain GET: one head, one end. */
export function sendWhole(res: Response, stored: Stored, nowMs: number): void {
  const { headers, body, status } = stored;
  // RFC 9111 §5.1 and §4.2.3: the age when it came, and the time since. RFC 9110 §8.6: no Content-Length in a 204.
  res.setHeader('Age', String(currentAgeSeconds(stored, nowMs)));
  if (status !== 204) res.setHeader('Content-Length', body.length);
  if (Object.hasOwn(res, 'writeHead')) {
    // A layer in front changes the head when it is written: it must find the fields on the response, to which it may add.
    for (const [name, value] of headers) res.setHeader(name, typeof value === 'string' ? value : [...value]);
    res.writeHead(status);
  } else res.writeHead(status, heads.get(headers) ?? headOf(headers));
  // Layers in front that listen in are given the bytes as they are stored.
  const isListenedTo = Object.hasOwn(res, 'end') || Object.hasOwn(res, 'write');
  if (isListenedTo || body.length > MAX_TEXT_BYTES) res.end(body);
  else res.end(textOf(body), 'latin1');
}

let lastBody: Buffer | undefined;
let lastText = '';

/** The body as text, made once for hits of one body that follow each other. */
function textOf(body: Buffer): string {
  if (body !== lastBody) {
    lastText = body.toString('latin1');
    lastBody = body;
  }
  return lastText;
}

function headOf(headers: Stored['headers']): OutgoingHttpHeaders {
  const head = Object.fromEntries(
    headers.map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
  // A list is copied each time: `appendHeader` of a layer in front would lengthen the one that the next hit sends.
  if (headers.every(([, value]) => typeof value === 'string')) heads.set(headers, head);
  return head;
}

/** Makes the head of the answer from the store, and gives the body; the status is 200, 206, 304 or 416 for a stored 200. */
export function prepareReplay(res: Response, stored: Stored, asked: Asked, nowMs: number): Replacement {
  res.statusCode = stored.status;
  // A copy of each list: `appendHeader` of a layer in front would lengthen the list that the next hit sends.
  for (const [name, value] of stored.headers) res.setHeader(name, typeof value === 'string' ? value : [...value]);
  // RFC 9111 §5.1 and §4.2.3: the age when it came, and the time since.
  res.setHeader('Age', String(currentAgeSeconds(stored, nowMs)));
  // RFC 9110 §13.2.1: conditions count only where the answer would be a success.
  if (stored.status !== 200) return wholeBody(res, stored, asked);
  const validators = {
    etag: headerOf(res, 'etag'),
    lastModified: headerOf(res, 'last-modified'),
    date: headerOf(res, 'date'),
  };
  if (isNotModified(asked, validators, nowMs)) {
    makeNotModified(res);
    return { body: undefined };
  }
  if (asked.isRecoded) return wholeBody(res, stored, asked);
  const range = chooseRange(asked, validators, stored.body.length);
  if (range === undefined) return wholeBody(res, stored, asked);
  if (range === 'unsatisfiable') {
    // RFC 9110 §15.5.17
    res.statusCode = 416;
    for (const name of ['Content-Type', 'Content-Encoding', 'ETag', 'Last-Modified']) res.removeHeader(name);
    res.setHeader('Content-Range', `bytes */${stored.body.length}`);
    res.setHeader('Content-Length', 0);
    return { body: undefined };
  }
  // RFC 9110 §15.3.7
  res.statusCode = 206;
  res.setHeader('Content-Range', `bytes ${range.start}-${range.end}/${stored.body.length}`);
  res.setHeader('Content-Length', range.end - range.start + 1);
  return { body: stored.body.subarray(range.start, range.end + 1) };
}

function wholeBody(res: Response, { status, body }: Stored, { isHead }: Asked): Replacement {
  // RFC 9110 §8.6: no Content-Length in a 204.
  if (status !== 204) res.setHeader('Content-Length', body.length);
  return { body: isHead ? undefined : body };
}
