// Who is asking. The cache cannot know what a handler looks at, so everything that may tell one client from another counts;
// the application says what does not.

import type { Request } from 'express';

/** Headers in which APIs take credentials; RFC 9111 knows of the first alone. */
const CREDENTIALS = ['authorization', 'proxy-authorization', 'x-api-key', 'x-auth-token', 'x-access-token'];

/** What of a request is known to make no difference, or to be told apart. */
interface Harmless {
  readonly isCookieIgnored: (name: string) => boolean;
  /** Headers that tell variants apart: of the API keys, one of these has its own responses. */
  readonly vary: readonly string[];
}

/**
 * Whether the request says who is asking: credentials, a client certificate, a session with data, a user, or a cookie that is
 * not ignored. What is answered to it may be for this client alone.
 */
export function isPersonal(req: Request, { isCookieIgnored, vary }: Harmless): boolean {
  const { headers } = req;
  for (const name of CREDENTIALS) {
    if (headers[name] !== undefined && !(name.startsWith('x-') && vary.includes(name))) return true;
  }
  if (Reflect.get(req.socket, 'authorized') === true) return true;
  const { session, user } = req as { session?: unknown; user?: unknown };
  if (user !== undefined && user !== null) return true;
  // express-session keeps the cookie's settings in the session object; everything else in it is data.
  if (typeof session === 'object' && session !== null && Object.keys(session).some((name) => name !== 'cookie')) {
    return true;
  }
  return cookieNames(headers.cookie).some((name) => !isCookieIgnored(name));
}

function cookieNames(header: string | undefined): string[] {
  if (header === undefined) return [];
  return (
    header
      .split(';')
      .filter((pair) => pair.trim() !== '')
      // A cookie may have no name (RFC 6265bis), and still be someone's.
      .map((pair) => (pair.split('=')[0] ?? '').trim())
  );
}

/** Gives the test for names: exact, or by their beginning where the pattern ends with `*`. */
export function nameTest(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
  const beginnings = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  return (name) => exact.has(name) || beginnings.some((beginning) => name.startsWith(beginning));
}
