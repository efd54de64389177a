// From a request to the claim on its record: whether it is protected, which record is its own, what its payload is. Asks
// Redis nothing.

import type { Problem } from '@sallyport/core';
import type { Request, Response } from 'express';
import { ScopeError } from './errors.js';
import { fingerprint } from './fingerprint.js';
import { parseIdempotencyKey } from './idempotency-key.js';
import type { ResolvedOptions, Scope } from './options.js';
import { keyMalformed, keyMissing } from './problems.js';
import { recordId, splitUrl } from './record-id.js';
import { newOwner, type Claim } from './record-store.js';

/** What is to be done with a request. */
export type ClaimRequest =
  | { readonly kind: 'unprotected' }
  | { readonly kind: 'refused'; readonly problem: Problem }
  | { readonly kind: 'claim'; readonly claim: Claim; readonly clientKey: string };

/**
 * Reads the request.
 *
 * @throws {ScopeError} {@link BodyNotParsedError} {@link BodyNotComparableError} and what the caller's functions throw
 */
export async function readClaim(req: Request, res: Response, settings: ResolvedOptions): Promise<ClaimRequest> {
  const { methods, skip, header, required, acceptBareKey, scope } = settings;
  const isConcerned = (methods as readonly string[]).includes(req.method);
  // Mounted twice, the second one would find the first one's claim and answer 409.
  const isClaimed = req.idempotency !== undefined;
  if (!isConcerned || isClaimed || (await skip?.(req, res)) === true) return { kind: 'unprotected' };

  const value = req.get(header);
  if (value === undefined) return required ? { kind: 'refused', problem: keyMissing(header) } : { kind: 'unprotected' };
  const parsed = parseIdempotencyKey(value, acceptBareKey);
  if ('problem' in parsed) return { kind: 'refused', problem: keyMalformed(header, parsed.problem) };

  const { path } = splitUrl(req.originalUrl);
  const id = recordId({ ...(await scopeOf(req, scope)), method: req.method, path, key: parsed.key });
  const owner = newOwner();
  const payload = fingerprint(req, await settings.fingerprint?.(req));
  return { kind: 'claim', claim: { id, owner, fingerprint: payload }, clientKey: parsed.key };
}

async function scopeOf(req: Request, scope: Scope): Promise<{ scope?: string }> {
  if (scope === 'public') return {};
  const value: unknown = await scope(req);
  if (typeof value !== 'string' || value === '') throw new ScopeError(value === '' ? "''" : typeof value);
  return { scope: value };
}
