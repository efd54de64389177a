// The body's bytes as they came, where somebody saw them: more than JSON keeps (1.0 and 1, names that come twice, digits that
// a number cannot hold), and untouched by middleware that completes or cleans `req.body`.

import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Digests and not bytes: a request may be large and last long. */
const digests = new WeakMap<object, Buffer>();

/**
 * For the `verify` option of Express's body parsers: payloads are then compared byte by byte.
 *
 * @example
 * app.use(express.json({ verify: rememberBytes }));
 */
export function rememberBytes(req: IncomingMessage, _res: ServerResponse, bytes: Buffer): void {
  digests.set(req, createHash('sha256').update(bytes).digest());
}

/** What is known of the bytes; also `req.rawBody`, as many applications and platforms keep it. */
export function rawBodyOf(req: object): Uint8Array | undefined {
  const digest = digests.get(req);
  if (digest !== undefined) return digest;
  const { rawBody } = req as { readonly rawBody?: unknown };
  const isBytes = rawBody instanceof Uint8Array || typeof rawBody === 'string';
  return isBytes ? createHash('sha256').update(rawBody).digest() : undefined;
}
