// Follows a response that the handler makes: decides when its head is complete, answers the client's conditions, and stores
// it once it is complete. When a stale response is at hand, the handler is given its validators; a 304 then freshens it,
// and a failure may be covered by it.

import type { Fill } from '@sallyport/cache';
import type { Request, Response } from 'express';
import type { Verdict } from './cache-policy.js';
import { capture, type Replacement } from './capture.js';
import type { Directives } from './cache-control.js';
import { completed } from './complete.js';
import { isNotModified } from './conditional.js';
import type { NotStoredReason } from './events.js';
import type { Outcome } from './flights.js';
import { freshened, isConfirmedBy, readerOf } from './freshen.js';
import { coversError } from './freshness.js';
import { createJudge } from './judge-response.js';
import { narrowRequest } from './narrow-request.js';
import type { ResponseCacheSettings } from './options.js';
import { askedBy, prepareReplay, type Stored } from './replay.js';
import type { RequestPlan } from './request-plan.js';
import type { HeaderField } from './response-frame.js';
import { fieldsOf, fieldsToStore, headerOf, makeNotModified, rawFieldsOf, resetHead } from './response-head.js';
import type { Found, Shelf } from './shelf.js';
import { shareRecorded, storeRecorded } from './store-recorded.js';
import { varyNames } from './vary.js';

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

/** Statuses of a failure that a stale response may cover (RFC 5861 §4). */
const FAILURES = new Set([500, 502, 503, 504]);

/** Installs the recording; the handler runs afterwards. */
export function recordResponse(req: Request, res: Response, recording: Recording): void {
  const { plan, settings, shelf, stale, settle } = recording;
  const { events, entries, writeStatus } = settings;
  const asked = askedBy(req, res);
  const outer = fieldsOf(res);
  const outerRaw = rawFieldsOf(res);
  const judged = createJudge(req, plan, settings);
  const isStrict = settings.strict && !plan.isPersonal();
  const hidden = narrowRequest(req, settings, { isStrict, isNamed: plan.isNamed });
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

  /** Sends the stored response instead of the handler's. */
  function replaceBy(response: Stored, word: 'STALE' | 'REVALIDATED', parameters: string): Replacement {
    resetHead(res, outerRaw);
    const replacement = prepareReplay(res, response, asked, entries.now());
    writeStatus(res, word, parameters);
    return replacement;
  }

  /** RFC 9111 §4.3.4: the stored response, freshened by the 304. */
  function freshen(response: Stored): Replacement {
    const date = header('date') ?? new Date(entries.now()).toUTCString();
    const fresh = freshened(response, fieldsToStore(res, outer), date, entries.now());
    const read = readerOf(fresh.headers);
    const result = judged(response.status, read);
    events.emit({ type: 'revalidated', key: plan.key });
    if (result.isStorable) {
      const { life, isShared, ageSeconds } = result;
      storeRecorded(res, recording, { ...fresh, life, isShared, ageSeconds }, varyNames(read) ?? [], result);
    } else notStored(result.reason);
    // Cookies are this client's own: they are not stored, and not lost.
    const cookies = res.getHeader('set-cookie');
    const replacement = replaceBy(fresh, 'REVALIDATED', 'fwd=stale; fwd-status=304');
    if (cookies !== undefined) res.setHeader('Set-Cookie', cookies);
    return replacement;
  }

  /**
   * RFC 9111 §4.3.4: a 304 with the validator of another response changes nothing that is stored. The handler has got its
   * conditions wrong, and there is no content for the client; the next one is not asked with them.
   */
  function distrust(): Replacement {
    resetHead(res, outerRaw);
    res.statusCode = 502;
    res.setHeader('Content-Length', 0);
    writeStatus(res, 'BYPASS', 'fwd=stale; fwd-status=304; detail=unconfirmed');
    return { body: undefined };
  }

  /** Removes what the handler has spoken past. */
  function forget(): void {
    events.emit({ type: 'not-stored', key: plan.key, reason: 'unconfirmed' });
    shelf
      .remove(plan.selector.id)
      .catch((error: unknown) => events.emit({ type: 'store-failure', operation: 'write', key: plan.key, error }))
      .finally(() => settle({ kind: 'failed' }));
  }

  /** Answers in place of the handler where it has confirmed what is stored, or has failed; `undefined` where it has not. */
  function instead(response: Stored): Replacement | undefined {
    if (status === 304 && isConfirmedBy(header, response)) return freshen(response);
    const isUnconfirmed = status === 304;
    if (isUnconfirmed) forget();
    const isCovered = coversError(response, recording.directives, entries.now());
    if (isCovered && (isUnconfirmed || FAILURES.has(status))) {
      shareRecorded(recording, response, [], true);
      events.emit({ type: 'stale', key: plan.key, reason: 'error' });
      return replaceBy(response, 'STALE', `hit; fwd=stale; fwd-status=${status}`);
    }
    if (!isUnconfirmed) return undefined;
    // RFC 9111 §4.3.2: it may be the client's own copy that the handler speaks of.
    const validators = { etag: header('etag'), lastModified: header('last-modified'), date: header('date') };
    return isNotModified(asked, validators, entries.now()) ? { body: undefined } : distrust();
  }

  const mayReplace = stale !== undefined;
  capture(
    res,
    { maxBodyBytes: settings.maxBodyBytes, mayReplace },
    {
      onHead() {
        hidden.restore();
        status = res.statusCode;
        const replacement = stale && instead(stale);
        if (replacement !== undefined) return replacement;
        verdict = judged(status, header);
        names = varyNames(header) ?? [];
        // Node would write a Date of its own, which may be another one than that of the store.
        if (verdict.isStorable && res.sendDate && !res.hasHeader('date')) {
          res.setHeader('Date', new Date(entries.now()).toUTCString());
        }
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
        storeRecorded(res, recording, { status, headers, isShared, ageSeconds, life, body }, names, verdict);
      },
    },
  );
  // The handler may never end its response; those who wait are not left waiting. A store that is under way comes first.
  res.once('close', () => {
    if (!res.writableEnded) settle({ kind: 'failed' });
  });
}

/** RFC 9111 §4.3.1: the validators of what is stored, in place of the client's. */
function giveValidators(req: Request, { headers }: Stored): void {
  const given = { etag: 'if-none-match', 'last-modified': 'if-modified-since' } as const;
  for (const [name, value] of headers) {
    const condition = given[name.toLowerCase() as keyof typeof given];
    if (condition !== undefined) req.headers[condition] = String(value);
  }
}
