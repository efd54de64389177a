// Tells of cookies that nobody was given: two valid ones of one name, or many that name no session.

import type { EventSink } from '@sallyport/core';
import type { Request } from 'express';
import type { SessionEvent } from './events.js';
import { createGuessWatch } from './guess-watch.js';
import { ipPrefix } from './ip-prefix.js';
import type { RequestState } from './session-state.js';

/** Gives what looks at each request's cookie once its session was looked up. */
export function createCookieWatch(events: EventSink<SessionEvent>): (req: Request, state: RequestState) => void {
  const guesses = createGuessWatch();
  return (req, { seenCookie: { verdict }, isCookieDead }) => {
    if (verdict === 'none') return;
    if (verdict === 'ambiguous') return events.emit({ type: 'ambiguous-cookie' });
    if (verdict === 'valid' && !isCookieDead) return;
    const network = ipPrefix(req.ip);
    const count = guesses.note(network);
    if (count !== undefined) events.emit({ type: 'guessing', ipPrefix: network, count });
  };
}
