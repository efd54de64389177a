// The head of a response as Node holds it: reading it, setting it in every way that `writeHead` allows, and choosing what
// of it belongs into a store.

import type { ServerResponse } from 'node:http';
import type { HeaderField } from './response-frame.js';

/** RFC 9111 §3.1 and RFC 9110 §7.6.1: fields of one connection. Then fields that are made anew for each response. */
const NEVER_STORED = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'age',
  'cache-status',
  'content-length',
  'set-cookie',
  'x-cache',
  'x-request-id',
  'x-correlation-id',
  'x-response-time',
  'server-timing',
]);
const RATE_LIMIT = /^(x-)?rate-?limit|^retry-after$/;

/** In Node since 15.4; the type declarations have it for client requests only. */
type WithRawNames = ServerResponse & { getRawHeaderNames(): string[] };

/** The value of a header, lines joined by commas; `undefined` when it is not set. */
export function headerOf(res: ServerResponse, name: string): string | undefined {
  const value = res.getHeader(name);
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value.join(', ') : String(value);
}

/** The fields as they stand, to be compared with later. */
export function fieldsOf(res: ServerResponse): Map<string, string> {
  return new Map(res.getHeaderNames().map((name) => [name, headerOf(res, name) ?? '']));
}

/**
 * The fields to store: those that stand and that layers in front of the cache did not set — they will do so again — without
 * the fields of the connection.
 *
 * @param outer fields as they stood when the request came to the cache
 */
export function fieldsToStore(res: ServerResponse, outer: ReadonlyMap<string, string>): HeaderField[] {
  const named = (headerOf(res, 'connection') ?? '').split(',').map((name) => name.trim().toLowerCase());
  const fields: HeaderField[] = [];
  for (const rawName of (res as WithRawNames).getRawHeaderNames()) {
    const name = rawName.toLowerCase();
    const value = res.getHeader(name);
    // RFC 9110 §7.6.1: what Connection names belongs to the connection, too.
    const isOfConnection = NEVER_STORED.has(name) || named.includes(name) || RATE_LIMIT.test(name);
    if (value === undefined || isOfConnection || outer.get(name) === headerOf(res, name)) continue;
    // A copy: a layer in front may still append to the list, and would do so again on each hit.
    fields.push([rawName, Array.isArray(value) ? [...value] : String(value)]);
  }
  return fields;
}

/**
 * Does what `writeHead(...args)` does before it writes: sets status, reason and headers. Headers given to `writeHead` alone
 * never show in `getHeaders()`; a cache that looks there does not see their `Set-Cookie`.
 */
export function applyHeadArguments(res: ServerResponse, args: readonly unknown[]): void {
  const [status, reason, last] = args;
  res.statusCode = Number(status);
  if (typeof reason === 'string') res.statusMessage = reason;
  const headers = last ?? (typeof reason === 'string' ? undefined : reason);
  if (Array.isArray(headers)) {
    const pairs = pairsOf(headers);
    for (const [name] of pairs) res.removeHeader(name);
    for (const [name, value] of pairs) res.appendHeader(name, value);
  } else if (typeof headers === 'object' && headers !== null) {
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value as string | string[]);
  }
}

/** Node takes `[[name, value], …]` and `[name, value, name, value, …]`. */
function pairsOf(list: readonly unknown[]): [string, string | string[]][] {
  if (Array.isArray(list[0])) return list as [string, string | string[]][];
  if (list.length % 2 !== 0) throw new TypeError('writeHead: an array of headers must have an even number of elements');
  const pairs: [string, string | string[]][] = [];
  for (let index = 0; index < list.length; index += 2) {
    pairs.push([String(list[index]), list[index + 1] as string | string[]]);
  }
  return pairs;
}

/** Turns the head into that of a 304, which has no content and no fields that describe content (RFC 9110 §15.4.5). */
export function makeNotModified(res: ServerResponse): void {
  res.statusCode = 304;
  res.statusMessage = 'Not Modified';
  const ofContent = ['length', 'type', 'encoding', 'language', 'range'].map((name) => `content-${name}`);
  for (const name of [...ofContent, 'transfer-encoding']) res.removeHeader(name);
}

/** Puts back the head as it was before the handler: what layers in front have set, and nothing else. */
export function resetHead(res: ServerResponse, outer: ReadonlyMap<string, number | string | string[]>): void {
  for (const name of res.getHeaderNames()) if (!outer.has(name)) res.removeHeader(name);
  for (const [name, value] of outer) res.setHeader(name, value);
  res.statusMessage = '';
}

/** The fields as they are, to be put back by {@link resetHead}. */
export function rawFieldsOf(res: ServerResponse): Map<string, number | string | string[]> {
  return new Map(res.getHeaderNames().map((name) => [name, res.getHeader(name) ?? '']));
}

/**
 * The fields of a stored response, freshened by those of a newer head (RFC 9111 §3.2): each that it has replaces those of
 * its name.
 */
export function mergeFields(stored: readonly HeaderField[], fresh: readonly HeaderField[]): HeaderField[] {
  // RFC 9111 §3.2: not those on which the stored bytes depend.
  const usable = fresh.filter(([name]) => !/^content-(?:length|encoding|range)$/i.test(name));
  const replaced = new Set(usable.map(([name]) => name.toLowerCase()));
  return [...stored.filter(([name]) => !replaced.has(name.toLowerCase())), ...usable];
}
