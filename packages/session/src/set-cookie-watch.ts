// The last look at a response's headers: right after express-session has set its cookie, or has not.

import { createHmac } from 'node:crypto';
import type { Request } from 'express';
import { clearingCookie } from './cookie.js';
import type { RequestState } from './session-state.js';

/** A part of express-session's cookie that its types leave out. */
interface SerializingCookie {
  serialize(name: string, value: string): string;
}

/**
 * Makes a response that carries the session cookie uncacheable; sets the cookie that express-session would not, and clears
 * it where its session has ended. Has to be called before express-session sees the response: the one who wraps first is
 * called last.
 */
export function watchSetCookie(req: Request, state: RequestState, secret: string): void {
  const { res } = state;
  const { variant, isSendable } = state.cookie;
  const writeHead = res.writeHead.bind(res);

  function missingCookie(): string | undefined {
    const { session } = req;
    if (state.issuedId !== undefined && session && isSendable) {
      const cookie = session.cookie as unknown as SerializingCookie;
      return cookie.serialize(variant.name, `s:${state.issuedId}.${signatureOf(state.issuedId, secret)}`);
    }
    return state.hasEnded ? clearingCookie(variant) : undefined;
  }

  res.writeHead = function (this: Response, ...args: unknown[]) {
    if (!res.headersSent) {
      const set = cookiesOf(res);
      let carriesCookie = set.some((value) => value.startsWith(`${variant.name}=`));
      const missing = carriesCookie ? undefined : missingCookie();
      if (missing !== undefined) {
        res.setHeader('Set-Cookie', [...set, missing]);
        carriesCookie = true;
      }
      // RFC 9111 §7.3: a stored Set-Cookie would hand one visitor's session to the next.
      if (carriesCookie) res.setHeader('Cache-Control', 'no-store');
    }
    return Reflect.apply(writeHead, res, args);
  } as typeof res.writeHead;
}

function cookiesOf(res: RequestState['res']): string[] {
  const value = res.getHeader('Set-Cookie') ?? [];
  return Array.isArray(value) ? value : [String(value)];
}

/** As express-session signs. */
function signatureOf(sessionId: string, secret: string): string {
  return createHmac('sha256', secret).update(sessionId).digest('base64').replace(/=+$/, '');
}
