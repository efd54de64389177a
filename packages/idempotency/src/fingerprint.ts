// What makes two payloads the same: the query, the media type, and the body, by its bytes where somebody saw them, otherwise
// as it was parsed. A body that nobody has read is an error, because it would be compared as nothing, and every payload
// would match.

import { createHash } from 'node:crypto';
import type { Request } from 'express';
import { canonicalJson } from './canonical-json.js';
import { BodyNotComparableError, BodyNotParsedError } from './errors.js';
import { rawBodyOf } from './raw-body.js';
import { splitUrl } from './record-id.js';

/** What the default fingerprint looks at. */
export type FingerprintedRequest = Pick<Request, 'headers' | 'originalUrl' | 'readableDidRead'> & {
  readonly body?: unknown;
};

/**
 * Digest of the payload.
 *
 * @param custom what the `fingerprint` option gave; replaces query and body
 * @throws {BodyNotParsedError} when there is a body and no parser has read it
 * @throws {BodyNotComparableError} for multipart bodies (files are not in `req.body`), and bodies nested too deeply
 */
export function fingerprint(req: FingerprintedRequest, custom?: string | Uint8Array): string {
  const hash = createHash('sha256');
  if (custom !== undefined) return hash.update('custom\n').update(custom).digest('base64url');
  const { kind, payload } = payloadOf(req);
  const { query } = splitUrl(req.originalUrl);
  return hash
    .update(`${kind}\n${JSON.stringify([query, mediaTypeOf(req)])}\n`)
    .update(payload)
    .digest('base64url');
}

function payloadOf(req: FingerprintedRequest): { kind: string; payload: string | Uint8Array } {
  if (!hasBody(req)) return { kind: 'none', payload: '' };
  const bytes = rawBodyOf(req);
  if (bytes !== undefined) return { kind: 'raw', payload: bytes };
  const contentType = req.headers['content-type'];
  if (/^multipart\//i.test(contentType ?? '')) {
    throw new BodyNotComparableError('it is multipart; give `fingerprint` to say what counts', 500);
  }
  const { body } = req;
  if (!isParsed(req)) throw new BodyNotParsedError(contentType);
  if (body instanceof Uint8Array) return { kind: 'bytes', payload: body };
  if (typeof body === 'string') return { kind: 'text', payload: body };
  return { kind: 'json', payload: canonicalJson(body) };
}

/** RFC 9110 §8.3.1: type and subtype, without parameters. A request without a body has none that matters. */
function mediaTypeOf(req: FingerprintedRequest): string {
  if (!hasBody(req)) return '';
  return (req.headers['content-type'] ?? '').replace(/;.*/s, '').trim().toLowerCase();
}

/** RFC 9112 §6.3: a request has a body when it says how long that is. */
function hasBody({ headers }: FingerprintedRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** The parsers of Express 4 leave `{}` on requests that they did not read. */
function isParsed({ body, readableDidRead }: FingerprintedRequest): boolean {
  if (body === undefined) return false;
  const isEmptyObject = typeof body === 'object' && body !== null && Object.keys(body).length === 0;
  return readableDidRead || !isEmptyObject;
}
