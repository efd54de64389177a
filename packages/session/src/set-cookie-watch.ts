// The last look at a response's headers: right after express-session has set its cookie, or has not.

import type { ServerResponse } from 'node:http';
import { clearingCookie, type CookieVariant } from './cookie.js';

/**
 * Makes a response that carries the session cookie uncacheable, and clears the cookie where its session has ended.
 * Has to be called before express-session sees the response: the one who wraps first is called last.
 */
export function watchSetCookie(res: ServerResponse, cookie: CookieVariant, hasEnded: () => boolean): void {
  const writeHead = res.writeHead.bind(res);
  res.writeHead = function (this: ServerResponse, ...args: unknown[]): ServerResponse {
    if (!res.headersSent) {
      let carriesCookie = cookiesOf(res).some((value) => value.startsWith(`${cookie.name}=`));
      if (!carriesCookie && hasEnded()) {
        res.setHeader('Set-Cookie', [...cookiesOf(res), clearingCookie(cookie)]);
        carriesCookie = true;
      }
      // RFC 9111 §7.3: a stored Set-Cookie would hand one visitor's session to the next.
      if (carriesCookie) res.setHeader('Cache-Control', 'no-store');
    }
    return Reflect.apply(writeHead, res, args);
  };
}

function cookiesOf(res: ServerResponse): string[] {
  const value = res.getHeader('Set-Cookie') ?? [];
  return Array.isArray(value) ? value : [String(value)];
}
