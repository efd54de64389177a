// Takes from the request what the handler must not see while it makes a response to be stored: the client's conditions and
// directives, parameters that the key leaves out, and in strict mode every header that the key does not hold. All of it is
// put back when the head is written.

import type { Request } from 'express';
import { hideHeaders } from './hidden-headers.js';
import type { ResponseCacheSettings } from './options.js';
import { withoutParameters } from './url-key.js';

/**
 * The conditions, which Express would answer by itself with a 304 that has nothing to store; and directives, by which
 * Express would give no 304 to the validators that it is handed.
 */
const HIDDEN = new Set(['if-none-match', 'if-modified-since', 'cache-control', 'pragma']);
/** Of the message, not of the client; and the host, which is in every variant. */
const HARMLESS = ['host', 'connection', 'content-length', 'transfer-encoding'];

/** @param isNamed the key holds the user, so what tells the user apart is in it */
export function narrowRequest(
  req: Request,
  settings: ResponseCacheSettings,
  { isStrict, isNamed }: { readonly isStrict: boolean; readonly isNamed: boolean },
): { restore: () => void } {
  const visible = new Set([...HARMLESS, ...settings.vary, ...(isNamed ? ['authorization', 'cookie'] : [])]);
  // Express reads protocol and host from these where it trusts the proxy, and both are in the variant.
  if (isStrict && isProxyTrusted(req)) for (const name of ['proto', 'host']) visible.add(`x-forwarded-${name}`);
  const headers = hideHeaders(req, (name) => HIDDEN.has(name) || (isStrict && !visible.has(name)));
  const { url, originalUrl } = req;
  if (settings.ignoreParameters.length === 0) return headers;
  req.url = withoutParameters(url, settings.isParameterIgnored);
  req.originalUrl = withoutParameters(originalUrl, settings.isParameterIgnored);
  // Express 4 has parsed the query already; Express 5 parses it when it is read.
  if (Object.hasOwn(req, 'query')) {
    for (const name of Object.keys(req.query)) if (settings.isParameterIgnored(name)) delete req.query[name];
  }
  return {
    restore() {
      headers.restore();
      req.url = url;
      req.originalUrl = originalUrl;
    },
  };
}

function isProxyTrusted(req: Request): boolean {
  const isTrusted: unknown = req.app.get('trust proxy fn');
  return (
    typeof isTrusted === 'function' &&
    Boolean((isTrusted as (ip?: string, hop?: number) => unknown)(req.socket.remoteAddress, 0))
  );
}
