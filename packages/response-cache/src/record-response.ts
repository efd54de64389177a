// Follows a response that the handler makes on a miss: decides when its head is complete, answers the client's conditions,
// and stores it once it is complete.

import type { Fill } from '@sallyport/cache';
import type { Request, Response } from 'express';
import { createHash } from 'node:crypto';
import { judge, type Verdict } from './cache-policy.js';
import { capture } from './capture.js';
import { isNotModified } from './conditional.js';
import type { NotStoredReason } from './events.js';
import type { ResponseCacheSettings } from './options.js';
import type { RequestPlan } from './request-plan.js';
import type { HeaderField, StoredResponse } from './response-frame.js';
import { fieldsOf, fieldsToStore, headerOf, makeNotModified } from './response-head.js';
import type { Found, Shelf } from './shelf.js';
import { varyNames } from './vary.js';

/** A miss whose response may be stored. */
export interface Recording {
  readonly plan: RequestPlan;
  readonly found: Found;
  readonly fill: Fill;
  readonly shelf: Shelf;
  readonly settings: ResponseCacheSettings;
}

/** Installs the recording; the handler runs afterwards. */
export function recordResponse(req: Request, res: Response, recording: Recording): void {
  const { plan, settings } = recording;
  const { events, entries } = settings;
  const outer = fieldsOf(res);
  const conditions = hideConditions(req);
  const header = (name: string) => headerOf(res, name);
  const notStored = (reason: NotStoredReason) => events.emit({ type: 'not-stored', key: plan.key, reason });
  let verdict: Verdict = { isStorable: false, reason: 'status' };
  let names: readonly string[] = [];
  let status = 0;
  let fields: HeaderField[] = [];
  let length: string | undefined;

  capture(res, settings.maxBodyBytes, {
    onHead() {
      conditions.restore();
      const request = { cacheControl: req.headers['cache-control'], isPersonal: plan.isPersonal() };
      verdict = judge(request, { status: res.statusCode, header }, settings, entries.now());
      const vary = varyNames(header);
      if (verdict.isStorable && vary === undefined) verdict = { isStorable: false, reason: 'vary' };
      names = vary ?? [];
      status = res.statusCode;
      fields = fieldsToStore(res, outer);
      length = header('content-length');
      res.setHeader('X-Cache', verdict.isStorable ? 'MISS' : 'BYPASS');
      if (!verdict.isStorable) notStored(verdict.reason);
      const validators = { etag: header('etag'), lastModified: header('last-modified'), date: header('date') };
      if (status === 200 && isNotModified(conditions.values, validators, entries.now())) makeNotModified(res);
      return verdict.isStorable;
    },
    onHeadSent() {
      // A session in front of the cache sets its cookie only now: the response belongs to that session, unless it says
      // that it is for everyone.
      if (!verdict.isStorable || verdict.isShared || !res.hasHeader('set-cookie')) return true;
      notStored('set-cookie');
      return false;
    },
    onGiveUp: notStored,
    onEnd(body) {
      if (!verdict.isStorable) return;
      // RFC 9111 §3.3: a response that is shorter than announced is incomplete.
      if (length !== undefined && Number(length) !== body.length) return notStored('truncated');
      const { ttlMs, isShared, ageSeconds } = verdict;
      const headers = completed(fields, outer, status, body, entries.now());
      store(recording, { status, headers, isShared, ageSeconds, body }, { names, ttlMs });
    },
  });
}

function store(recording: Recording, response: StoredResponse, how: { names: readonly string[]; ttlMs: number }): void {
  const { plan, found, fill, shelf, settings } = recording;
  const { key, selector } = plan;
  shelf.store(fill, selector, found.record, response, how).then(
    (isStored) => {
      if (isStored) settings.events.emit({ type: 'stored', key, bytes: response.body.length });
      else settings.events.emit({ type: 'not-stored', key, reason: 'overtaken' });
    },
    // The client has its answer: whatever went wrong can only be reported.
    (error: unknown) => settings.events.emit({ type: 'store-failure', operation: 'write', key, error }),
  );
}

/** Adds what every stored response has: the time it was made (RFC 9110 §6.6.1), and a validator. */
function completed(
  fields: readonly HeaderField[],
  outer: ReadonlyMap<string, string>,
  status: number,
  body: Buffer,
  nowMs: number,
): HeaderField[] {
  const has = (name: string) => outer.has(name) || fields.some(([field]) => field.toLowerCase() === name);
  const added: HeaderField[] = [];
  if (!has('date')) added.push(['Date', new Date(nowMs).toUTCString()]);
  if (status === 200 && !has('etag')) {
    // Weak: made for the content and not by who made it, and valid for any coding of it.
    const hash = createHash('sha1').update(body).digest('base64url');
    added.push(['ETag', `W/"${body.length.toString(16)}-${hash}"`]);
  }
  return [...fields, ...added];
}

/**
 * Hides the client's conditions from the handler: Express answers them by itself, with a 304 without a body, and there
 * would be nothing to store.
 */
function hideConditions(req: Request) {
  const { 'if-none-match': ifNoneMatch, 'if-modified-since': ifModifiedSince } = req.headers;
  delete req.headers['if-none-match'];
  delete req.headers['if-modified-since'];
  return {
    values: { ifNoneMatch, ifModifiedSince },
    restore() {
      if (ifNoneMatch !== undefined) req.headers['if-none-match'] = ifNoneMatch;
      if (ifModifiedSince !== undefined) req.headers['if-modified-since'] = ifModifiedSince;
    },
  };
}
