// The last look at a response's headers: right after express-session has set its cookie, or has not.

import type { ServerResponse } from 'node:http';
import type { CookieVariant } from './cookie.js';

/** RFC 9213 §2.2: for the caches that it names, such a header overrules Cache-Control. */
const TARGETED = /^(?:[\w-]*cdn-cache-control|surrogate-control)$/;

/**
 * Makes a response that carries the session cookie uncacheable, and adds the cookie that `upkeep` gives where it has none.
 * Has to be called before express-session sees the response: the one who wraps first is called last.
 */
export function watchSetCookie(res: ServerResponse, cookie: CookieVariant, upkeep: () => string | undefined): void {
  const writeHead = res.writeHead.bind(res);
  res.writeHead = function (this: ServerResponse, ...args: unknown[]): ServerResponse {
    if (!res.headersSent) {
      let carriesCookie = cookiesOf(res).some((value) => value.startsWith(`${cookie.name}=`));
      const added = carriesCookie ? undefined : upkeep();
      if (added !== undefined) {
        res.setHeader('Set-Cookie', [...cookiesOf(res), added]);
        carriesCookie = true;
      }
      // RFC 9111 §7.3: a stored Set-Cookie would hand one visitor's session to the next.
      if (carriesCookie) {
        res.setHeader('Cache-Control', 'no-store');
        for (const name of res.getHeaderNames()) if (TARGETED.test(name)) res.removeHeader(name);
      }
    }
    return Reflect.apply(writeHead, res, args);
  };
}

function cookiesOf(res: ServerResponse): string[] {
  const value = res.getHeader('Set-Cookie') ?? [];
  return Array.isArray(value) ? value : [String(value)];
}
