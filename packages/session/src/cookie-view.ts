// express-session parses the cookies itself, takes the first of a name, and falls back to what cookie-parser found, which
// another secret has signed and which may have been meant for another purpose. It gets to see the verified cookie only.

import type { IncomingMessage } from 'node:http';

/** Runs `act` while the request shows no cookie but `pair`. What `act` does later sees the request as it was. */
export function withOnlyCookie(req: IncomingMessage, pair: string | undefined, act: () => void): void {
  const { cookie } = req.headers;
  const parsed = req as { cookies?: unknown; signedCookies?: unknown };
  const { cookies, signedCookies } = parsed;
  if (pair === undefined) delete req.headers.cookie;
  else req.headers.cookie = pair;
  if (cookies !== undefined) parsed.cookies = undefined;
  if (signedCookies !== undefined) parsed.signedCookies = undefined;
  try {
    act();
  } finally {
    if (cookie !== undefined) req.headers.cookie = cookie;
    if (cookies !== undefined) parsed.cookies = cookies;
    if (signedCookies !== undefined) parsed.signedCookies = signedCookies;
  }
}
