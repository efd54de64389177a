// Stores what was recorded, after it has been sent, and tells those who wait what has become of it.

import type { Response } from 'express';
import type { Storable } from './cache-policy.js';
import type { Recording } from './record-response.js';
import type { Stored } from './replay.js';
import type { StoredResponse } from './response-frame.js';
import { tagsOfResponse } from './response-tags.js';
import { unite, variantId } from './vary.js';

/** @param names of request headers that tell its variants apart */
export function storeRecorded(
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
      return shareRecorded(recording, { ...response, storedAtMs: entries.now(), isFresh: true }, names, false);
    },
    // The client has its answer: whatever went wrong can only be reported.
    (error: unknown) => {
      events.emit({ type: 'store-failure', operation: 'write', key, error });
      settle({ kind: 'failed' });
    },
  );
}

/** Gives the response to those who wait for it. */
export function shareRecorded(
  { plan, found, settle }: Recording,
  response: Stored,
  known: readonly string[],
  isStale: boolean,
): void {
  const names = unite(found.record.names, known);
  const { origin, headers } = plan.selector;
  settle({ kind: 'shared', response, names, variant: variantId(origin, names, headers), isStale });
}
