// Which form of the cookie fits a request. Secure is decided per request because a proxy in front ends TLS: Express says
// in `req.secure` what it may believe. Plain HTTP gets a plain cookie only where nobody can listen: on the loopback host.

import type { Request } from 'express';
import type { CookiePlan, CookieVariant } from './cookie.js';

const LOOPBACK_HOST = /^(?:localhost|[\w.-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/** The cookie for one request. */
export interface CookieChoice {
  readonly variant: CookieVariant;
  /** False when the cookie has to be Secure and the request is not: browsers would drop it. */
  readonly isSendable: boolean;
}

export function chooseCookie(plan: CookiePlan, req: Request): CookieChoice {
  if (plan.secure === false) return { variant: plan.whenPlain, isSendable: true };
  if (isSecure(req)) return { variant: plan.whenSecure, isSendable: true };
  if (plan.secure === 'auto' && LOOPBACK_HOST.test(req.headers.host ?? '')) {
    return { variant: plan.whenPlain, isSendable: true };
  }
  return { variant: plan.whenSecure, isSendable: false };
}

/** Whether the request came over TLS: to this process, or to a proxy that the application trusts. */
function isSecure(req: Request): boolean {
  return (req.socket as { encrypted?: boolean }).encrypted === true || req.secure;
}
