// RFC 9111 §4.3.5: what the handler answers to HEAD tells whether the stored response to GET is still right. If it is, it is
// fresh again; if not, and it was fresh, it is stale from now on.

import type { Request, Response } from 'express';
import { capture } from './capture.js';
import { freshened, isHeadOf, readerOf } from './freshen.js';
import { createJudge } from './judge-response.js';
import type { Recording } from './record-response.js';
import type { Stored } from './replay.js';
import { fieldsOf, fieldsToStore, headerOf } from './response-head.js';
import { storeRecorded } from './store-recorded.js';
import { varyNames } from './vary.js';

/** Installs the listener; the handler runs afterwards, and its answer is sent as it is. */
export function freshenByHead(req: Request, res: Response, recording: Recording & { readonly stale: Stored }): void {
  const { plan, settings, shelf, stale } = recording;
  const { events, entries } = settings;
  const { key, selector } = plan;
  const outer = fieldsOf(res);
  const judged = createJudge(req, plan, settings);
  const header = (name: string) => headerOf(res, name);

  function onHead(): false {
    if (res.statusCode !== 200) return false;
    if (isHeadOf(header, stale)) {
      const date = header('date') ?? new Date(entries.now()).toUTCString();
      const fresh = freshened(stale, fieldsToStore(res, outer), date, entries.now());
      const read = readerOf(fresh.headers);
      const verdict = judged(fresh.status, read);
      if (verdict.isStorable) {
        const { life, isShared, ageSeconds } = verdict;
        storeRecorded(res, recording, { ...fresh, life, isShared, ageSeconds }, varyNames(read) ?? [], verdict);
        return false;
      }
    }
    if (!stale.isFresh) return false;
    shelf.remove(selector.id, { soft: true }).catch((error: unknown) => {
      events.emit({ type: 'store-failure', operation: 'write', key, error });
    });
    return false;
  }

  const ignored = () => undefined;
  capture(
    res,
    { maxBodyBytes: 0, mayReplace: false },
    { onHead, onHeadSent: () => false, onEnd: ignored, onGiveUp: ignored },
  );
}
