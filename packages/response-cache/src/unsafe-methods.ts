// What a write through the cache makes invalid (RFC 9111 §4.4): the URL that it went to, and those that its answer names,
// if they are of the same host.

import type { Request, Response } from 'express';
import { holdResponse } from './hold-response.js';
import { headerOf } from './response-head.js';

/** RFC 9110 §9.2.1 */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

export function isUnsafe(method: string): boolean {
  return !SAFE.has(method);
}

/**
 * Calls `onSuccess` with the URLs, as paths with their queries, when the handler answers with success, and holds the answer
 * back until that is done: who has it, and asks again, is not given what was stored before.
 *
 * @param onSuccess must not throw, and its promise must not reject
 */
export function watchUnsafe(req: Request, res: Response, onSuccess: (urls: string[]) => Promise<void>): void {
  const writeHead = Reflect.get(res, 'writeHead') as (...args: unknown[]) => Response;
  const target = targetOf(req);
  const origin = `${req.protocol}://${req.headers.host ?? ''}`;
  let named: ReadonlyMap<string, string> = new Map();
  res.writeHead = function writeHeadAndRemember(...args: unknown[]) {
    named = namedBy(args);
    return writeHead.apply(res, args);
  } as typeof res.writeHead;
  holdResponse(res, () => {
    // RFC 9111 §4.4: 2xx and 3xx are not errors.
    if (res.statusCode < 200 || res.statusCode >= 400) return undefined;
    const urls = ['location', 'content-location'].map((name) => named.get(name) ?? headerOf(res, name));
    const others = urls.flatMap((url) => sameOrigin(url, target, origin));
    return onSuccess([...new Set([target, ...others])]);
  });
}

/** Headers that were given to `writeHead` itself, which `getHeader` does not always show. */
function namedBy(args: readonly unknown[]): Map<string, string> {
  const last = args.at(-1);
  if (typeof last !== 'object' || last === null) return new Map();
  const pairs = Array.isArray(last)
    ? Array.isArray(last[0])
      ? (last as unknown[][])
      : last.flatMap((value: unknown, index) => (index % 2 === 0 ? [[value, (last as unknown[])[index + 1]]] : []))
    : Object.entries(last);
  return new Map(pairs.map(([name, value]) => [String(name).toLowerCase(), String(value)]));
}

/** Path and query of the target; `POST http://shop/a#b` writes what `GET /a` reads (RFC 9112 §3.2.2). */
function targetOf({ originalUrl }: Request): string {
  if (originalUrl.startsWith('/')) return originalUrl.split('#', 1)[0] ?? '/';
  return URL.canParse(originalUrl) ? pathOf(new URL(originalUrl)) : originalUrl;
}

/** RFC 9111 §4.4: other origins must not be touched, or anyone could empty anyone's cache. */
function sameOrigin(url: string | undefined, base: string, origin: string): string[] {
  if (url === undefined || !URL.canParse(origin)) return [];
  const target = new URL(origin + base);
  if (!URL.canParse(url, target.href)) return [];
  const named = new URL(url, target);
  return named.origin === target.origin ? [pathOf(named)] : [];
}

function pathOf({ pathname, search }: URL): string {
  return pathname + search;
}
