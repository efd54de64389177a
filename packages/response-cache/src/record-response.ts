// Follows a response that the handler makes: decides when its head is complete, answers the client's conditions, and stores
// it once it is complete. When a stale response is at hand, the handler is given its validators; a 304 then freshens it,
// and a failure may be covered by it.

import type { Fill } from '@sallyport/cache';
import type { Request, Response } from 'express';
import { judge, type Verdict } from './cache-policy.js';
import { capture, type Replacement } from './capture.js';
import type { Directives } from './cache-control.js';
import { completed } from './complete.js';
import { isDeceptive } from './deception.js';
import { isNotModified } from './conditional.js';
import type { NotStoredReason } from './events.js';
import type { Outcome } from './flights.js';
import { coversError } from './freshness.js';
import { narrowRequest } from './narrow-request.js';
import type { ResponseCacheSettings } from './options.js';
import { askedBy, prepareReplay, type Stored } from './replay.js';
import type { RequestPlan } from './request-plan.js';
import type { HeaderField, StoredResponse } from './response-frame.js';
import {
  fieldsOf,
  fieldsToStore,
  headerOf,
  makeNotModified,
  mergeFields,
  rawFieldsOf,
  resetHead,
} from './response-head.js';
import { tagsOfResponse } from './response-tags.js';
import type { Found, Shelf } from './shelf.js';
import { unite, variantId, varyNames } from './vary.js';

/** A request that the handler answers, and whose response may be stored. */
export interface Recording {
  readonly plan: RequestPlan;
  readonly found: Found;
  readonly fill: Fill;
  readonly shelf: Shelf;
  readonly settings: ResponseCacheSettings;
  /** What is stored, stale, and may be given to this client. */
  readonly stale: Stored | undefined;
  readonly directives: Directives;
  /** Why the handler is asked, for `Cache-Status`. */
  readonly forward: string;
  /** Tells those who wait what has become of it. */
  readonly settle: (outcome: Outcome) => void;
}

type Storable = Extract<Verdict, { isStorable: true }>;

/** Statuses of a failure that a stale response may cover (RFC 5861 §4). */
const FAILURES = new Set([500, 502, 503, 504]);
/** Installs the recording; the handler runs afterwards. */
export function recordResponse(req: Request, res: Response, recording: Recording): void {
  const { plan, settings, stale, settle } = recording;
  const { events, entries, writeStatus } = settings;
  const asked = askedBy(req, res);
  const outer = fieldsOf(res);
  const outerRaw = rawFieldsOf(res);
  const personalFirst = plan.isPersonal();
  const { isNamed, path } = plan;
  const isStrict = settings.strict && !personalFirst;
  const hidden = narrowRequest(req, settings, { isStrict, isNamed });
  if (stale !== undefined) giveValidators(req, stale);
  const header = (name: string) => headerOf(res, name);
  let verdict: Verdict = { isStorable: false, reason: 'status' };
  let names: readonly string[] = [];
  let status = 0;
  let fields: HeaderField[] = [];
  let length: string | undefined;

  function notStored(reason: NotStoredReason): void {
    events.emit({ type: 'not-stored', key: plan.key, reason });
    settle({ kind: 'uncacheable' });
  }

  function judged(status: number, header: (name: string) => string | undefined): Verdict {
    const request = { cacheControl: req.headers['cache-control'], isPersonal: personalFirst || plan.isPersonal() };
    const result = judge(request, { status, header }, settings, entries.now());
    if (!result.isStorable) return result;
    // Such a handler has seen who was asking, and what it says of its response is not to be relied on in strict mode.
    if (settings.strict && personalFirst) return { isStorable: false, reason: 'personal' };
    if (isDeceptive(path, header('content-type'))) return { isStorable: false, reason: 'suffix' };
    return varyNames(header) === undefined ? { isStorable: false, reason: 'vary' } : result;
  }

  /** Sends the stored response instead of the handler's. */
  function replaceBy(response: Stored, word: 'STALE' | 'REVALIDATED', parameters: string): Replacement {
    resetHead(res, outerRaw);
    const replacement = prepareReplay(res, response, asked, entries.now());
    writeStatus(res, word, parameters);
    return replacement;
  }

  /** RFC 9111 §4.3.4: the stored response, freshened by the 304. */
  function freshen(response: Stored): Replacement {
    const headers = mergeFields(response.headers, fieldsToStore(res, outer));
    const merged = new Map(headers.map(([name, value]) => [name.toLowerCase(), String(value)]));
    const date = header('date') ?? new Date(entries.now()).toUTCString();
    merged.set('date', date);
    const result = judged(response.status, (name) => merged.get(name));
    const dated = headers.map((field): HeaderField => (field[0].toLowerCase() === 'date' ? ['Date', date] : field));
    const fresh = { ...response, headers: dated, storedAtMs: entries.now(), isFresh: true, softAtMs: 0, ageSeconds: 0 };
    events.emit({ type: 'revalidated', key: plan.key });
    if (result.isStorable) {
      const { life, isShared, ageSeconds } = result;
      const known = varyNames((name) => merged.get(name)) ?? [];
      store(res, recording, { ...fresh, life, isShared, ageSeconds }, known, result);
    } else notStored(result.reason);
    return replaceBy(fresh, 'REVALIDATED', 'fwd=stale; fwd-status=304');
  }

  const mayReplace = stale !== undefined;
  capture(
    res,
    { maxBodyBytes: settings.maxBodyBytes, mayReplace },
    {
      onHead() {
        hidden.restore();
        status = res.statusCode;
        if (stale !== undefined && status === 304) return freshen(stale);
        if (stale !== undefined && FAILURES.has(status) && coversError(stale, recording.directives, entries.now())) {
          events.emit({ type: 'stale', key: plan.key, reason: 'error' });
          share(recording, stale, [], true);
          return replaceBy(stale, 'STALE', `hit; fwd=stale; fwd-status=${status}`);
        }
        verdict = judged(status, header);
        names = varyNames(header) ?? [];
        fields = fieldsToStore(res, outer);
        length = header('content-length');
        const detail = verdict.isStorable ? '' : `; detail=${verdict.reason}`;
        writeStatus(res, verdict.isStorable ? 'MISS' : 'BYPASS', `fwd=${recording.forward}${detail}`);
        if (!verdict.isStorable) notStored(verdict.reason);
        const validators = { etag: header('etag'), lastModified: header('last-modified'), date: header('date') };
        if (status === 200 && isNotModified(asked, validators, entries.now())) makeNotModified(res);
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
        const { life, isShared, ageSeconds } = verdict;
        const headers = completed(fields, outer, status, body, entries.now());
        store(res, recording, { status, headers, isShared, ageSeconds, life, body }, names, verdict);
      },
    },
  );
  // The handler may never end its response; those who wait are not left waiting. A store that is under way comes first.
  res.once('close', () => {
    if (!res.writableEnded) settle({ kind: 'failed' });
  });
}

function store(
  res: Response,
  recording: Recording,
  response: StoredResponse,
  names: readonly string[],
  verdict: Storable,
): void {
  const { plan, found, fill, shelf, settings, settle } = recording;
  const { events, entries } = settings;
  const { key, selector } = plan;
  const tags = tagsOfResponse(res);
  if (tags === undefined) {
    events.emit({ type: 'not-stored', key, reason: 'tags' });
    return settle({ kind: 'uncacheable' });
  }
  const how = { names, tags, ttlMs: verdict.life.ttlMs, keepMs: verdict.keepMs };
  shelf.store(fill, selector, found.record, response, how).then(
    (isStored) => {
      if (!isStored) {
        events.emit({ type: 'not-stored', key, reason: 'overtaken' });
        return settle({ kind: 'failed' });
      }
      events.emit({ type: 'stored', key, bytes: response.body.length });
      // What must be asked for each time is nobody else's answer.
      if (verdict.life.ttlMs === 0) return settle({ kind: 'uncacheable' });
      return share(recording, { ...response, storedAtMs: entries.now(), isFresh: true }, names, false);
    },
    // The client has its answer: whatever went wrong can only be reported.
    (error: unknown) => {
      events.emit({ type: 'store-failure', operation: 'write', key, error });
      settle({ kind: 'failed' });
    },
  );
}

function share({ plan, found, settle }: Recording, response: Stored, known: readonly string[], isStale: boolean): void {
  const names = unite(found.record.names, known);
  const { origin, headers } = plan.selector;
  settle({ kind: 'shared', response, names, variant: variantId(origin, names, headers), isStale });
}

/** RFC 9111 §4.3.1: the validators of what is stored, in place of the client's. */
function giveValidators(req: Request, { headers }: Stored): void {
  const given = { etag: 'if-none-match', 'last-modified': 'if-modified-since' } as const;
  for (const [name, value] of headers) {
    const condition = given[name.toLowerCase() as keyof typeof given];
    if (condition !== undefined) req.headers[condition] = String(value);
  }
}
