// What the cache says of itself on a response: X-Cache, which people read, and Cache-Status (RFC 9211), which has more.

import type { Response } from 'express';
import { headerOf } from './response-head.js';

/** What a response says about the cache. */
export type StatusHeaders = 'both' | 'x-cache' | 'cache-status' | 'none';

/** The word in `X-Cache`. */
export type CacheWord = 'HIT' | 'MISS' | 'STALE' | 'REVALIDATED' | 'BYPASS';

const NAME = 'sallyport';

/**
 * Sets the headers, in place of those that were set for this response before.
 *
 * @param parameters of `Cache-Status`, such as `hit` or `fwd=stale`
 */
export type StatusWriter = (res: Response, word: CacheWord, parameters: string) => void;

export function createStatusWriter(which: StatusHeaders): StatusWriter {
  return (res, word, parameters) => {
    if (which === 'both' || which === 'x-cache') res.setHeader('X-Cache', word);
    if (which === 'x-cache' || which === 'none') return;
    // RFC 9211 §2: a list, in which each cache on the way adds itself at the end.
    const earlier = headerOf(res, 'cache-status');
    if (earlier === undefined) {
      res.setHeader('Cache-Status', `${NAME}; ${parameters}`);
      return;
    }
    const others = earlier
      .split(',')
      .map((member) => member.trim())
      .filter((member) => member !== '' && !member.startsWith(`${NAME};`));
    res.setHeader('Cache-Status', [...others, `${NAME}; ${parameters}`].join(', '));
  };
}
