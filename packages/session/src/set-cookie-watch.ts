// The last look at a response's headers: right after express-session has set its cookie, or has not.

import type { Request } from 'express';
import { clearingCookie } from './cookie.js';
import { boundExpiry, clearingLegacyCookie, upkeepCookie } from './cookie-upkeep.js';
import type { RequestState } from './session-state.js';
import { signSessionId } from './signed-cookie.js';

/** RFC 9213 §2.2: for the caches that it names, such a header overrules Cache-Control. */
const TARGETED = /^(?:[\w-]*cdn-cache-control|surrogate-control)$/;

/** A part of express-session's cookie that its types leave out. */
interface SerializingCookie {
  serialize(name: string, value: string): string;
}

/**
 * Makes a response that carries the session cookie uncacheable; sets the cookie that express-session would not, and clears
 * it where its session has ended. Has to be called before express-session sees the response: the one who wraps first is
 * called last.
 */
export function watchSetCookie(req: Request, state: RequestState, secret: string, absoluteMs: number): void {
  const { res } = state;
  const { variant, isSendable } = state.cookie;
  const writeHead = res.writeHead.bind(res);

  function missingCookie(): string | undefined {
    const { session } = req;
    if (state.issuedId !== undefined && session && isSendable) {
      const cookie = session.cookie as unknown as SerializingCookie;
      return cookie.serialize(variant.name, signSessionId(state.issuedId, secret));
    }
    return state.hasEnded ? clearingCookie(variant) : upkeepCookie(req, state, secret);
  }

  res.writeHead = function (this: Response, ...args: unknown[]) {
    if (!res.headersSent) {
      const isOurs = (value: string) => value.startsWith(`${variant.name}=`);
      const set = cookiesOf(res);
      let carriesCookie = set.some(isOurs);
      const missing = carriesCookie ? undefined : missingCookie();
      if (missing !== undefined) {
        set.push(missing);
        carriesCookie = true;
      }
      const legacy = carriesCookie ? clearingLegacyCookie(state) : undefined;
      if (legacy !== undefined) set.push(legacy);
      // RFC 9111 §7.3: a stored Set-Cookie would hand one visitor's session to the next.
      if (carriesCookie) {
        const lines = set.map((value) => (isOurs(value) ? boundExpiry(value, req.session, absoluteMs) : value));
        res.setHeader('Set-Cookie', lines);
        res.setHeader('Cache-Control', 'no-store');
        for (const name of res.getHeaderNames()) if (TARGETED.test(name)) res.removeHeader(name);
      }
    }
    return Reflect.apply(writeHead, res, args);
  } as typeof res.writeHead;
}

function cookiesOf(res: RequestState['res']): string[] {
  const value = res.getHeader('Set-Cookie') ?? [];
  return Array.isArray(value) ? [...value] : [String(value)];
}
