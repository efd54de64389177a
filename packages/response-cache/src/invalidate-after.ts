// Removes what a write through the cache has made invalid (RFC 9111 §4.4), before the client has its answer.

import type { Request, Response } from 'express';
import type { ResponseCacheSettings } from './options.js';
import type { Shelf } from './shelf.js';
import { urlTag } from './url-tag.js';
import { watchUnsafe } from './unsafe-methods.js';
import { recordId } from './url-key.js';

export function createInvalidateAfter(settings: ResponseCacheSettings, shelf: Shelf) {
  const { events } = settings;
  return (req: Request, res: Response): void => {
    // Asked before the handler, where what it throws can be handed on.
    const own = settings.key?.(req);
    watchUnsafe(req, res, async (urls) => {
      // The key of another URL can't be known when the application makes the keys.
      const keys = own === undefined ? urls.map((url) => settings.keyOf(url)) : [own];
      try {
        await Promise.all([
          ...keys.map((key) => shelf.remove(recordId(key, undefined))),
          ...(settings.user === undefined ? [] : [shelf.invalidateTags(keys.map(urlTag))]),
        ]);
        events.emit({ type: 'invalidated', keys });
      } catch (error) {
        // The write is done, and its answer goes out: what could not be removed lives until its time is over.
        events.emit({ type: 'store-failure', operation: 'write', key: keys[0] ?? '', error });
      }
    });
  };
}
