// What makes two requests the same: key, user and origin. All three come from the client, so the rules are strict about
// telling things apart and careful about taking things for equal.

import type { Request } from 'express';

/** More of them are left in their order: parsers stop somewhere, and what they leave out depends on it. */
const MAX_SORTED = 100;

/**
 * The key of a URL: path and query, the parameters sorted by name. Those of one name keep their order, which may mean
 * something, however the name is written (`a`, `%61`, `a[]`, `a[0]`); nothing is decoded but what RFC 3986 §6.2.2 has for
 * equal, so two keys are never mixed up.
 *
 * @param isIgnored parameters that are left out, by name
 */
export function urlKey(url: string, isIgnored?: (name: string) => boolean): string {
  const [path = '', ...rest] = url.split('?');
  const parameters = rest
    .join('?')
    .split('&')
    .filter((parameter) => parameter !== '' && !isIgnored?.(nameOf(parameter)));
  if (parameters.length === 0) return normaliseEscapes(path);
  return `${normaliseEscapes(path)}?${sorted(parameters).map(normaliseEscapes).join('&')}`;
}

function sorted(parameters: readonly string[]): readonly string[] {
  if (parameters.length === 1 || parameters.length > MAX_SORTED) return parameters;
  const named = parameters.map((parameter) => ({ parameter, name: meantBy(nameOf(parameter)) }));
  // `toSorted` is stable; a comparison by code units is the same on every machine.
  const inOrder = named.toSorted((a, b) => Number(a.name > b.name) - Number(a.name < b.name));
  return inOrder.map(({ parameter }) => parameter);
}

/** What handlers get a parameter of this name under: decoded, and without the brackets of lists and objects. */
function meantBy(name: string): string {
  const text = name.replaceAll('+', ' ');
  let decoded = text;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    // Not every `%` begins an escape: such a name stands for itself.
  }
  return decoded.split('[', 1)[0] ?? '';
}

/** The URL without the parameters that are ignored; what is left stays as it was written. */
export function withoutParameters(url: string, isIgnored: (name: string) => boolean): string {
  const start = url.indexOf('?');
  if (start === -1) return url;
  const kept = url
    .slice(start + 1)
    .split('&')
    .filter((parameter) => !isIgnored(nameOf(parameter)));
  return kept.length === 0 ? url.slice(0, start) : `${url.slice(0, start)}?${kept.join('&')}`;
}

function nameOf(parameter: string): string {
  return parameter.split('=', 1)[0] ?? '';
}

/** RFC 3986 §6.2.2.1 and §6.2.2.2: `%7e`, `%7E` and `~` are one character; `%2f` and `/` are two. */
function normaliseEscapes(text: string): string {
  if (!text.includes('%')) return text;
  return text.replaceAll(/%[\da-f]{2}/gi, (escape) => {
    const character = String.fromCodePoint(Number.parseInt(escape.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : escape.toUpperCase();
  });
}

/** Path and query of a URL as callers write it: with or without origin and fragment. */
export function targetOfUrl(url: string): string {
  const { pathname, search } = new URL(url, 'http://localhost');
  return pathname + search;
}

/**
 * The origin that a request is for. It tells variants apart, so that what is made with a forged `Host` stays with those who
 * forge it; behind a proxy that Express trusts, the forwarded host does so too. The port on which the request came is left
 * out, so that processes on several ports share their responses; a port that is merely claimed is not.
 */
export function originOf(req: Request): string {
  const { headers, socket } = req;
  const rewritten = rewrittenTarget(req);
  const isForwarded = headers['x-forwarded-host'] !== undefined || headers['x-forwarded-proto'] !== undefined;
  if (isForwarded) return `${req.protocol}://${hostOf(req)}${forwardedHost(req)}${rewritten}`;
  // Without those two headers Express says what the connection says.
  return `${Reflect.get(socket, 'encrypted') === true ? 'https' : 'http'}://${hostOf(req)}${rewritten}`;
}

/** Where a layer in front has sent the request, by whatever of it: `''` where that is the URL that the client asked for. */
function rewrittenTarget({ originalUrl, baseUrl, url }: Request): string {
  if (url === originalUrl) return '';
  // Express puts a slash in front of what is left of a mounted URL.
  const isMounted = baseUrl !== '' && (baseUrl + url === originalUrl || baseUrl + url.slice(1) === originalUrl);
  return isMounted ? '' : ` ${baseUrl}${url}`;
}

const PORT = /:\d+$/;

function hostOf({ headers, socket }: Request): string {
  const host = headers.host?.toLowerCase() ?? '';
  const [portText] = PORT.exec(host) ?? [];
  if (portText === undefined || Number(portText.slice(1)) !== socket.localPort) return host;
  return host.slice(0, -portText.length);
}

function forwardedHost(req: Request): string {
  // Typed as a string, and undefined without a Host.
  const hostname: string | undefined = req.hostname;
  const own = req.headers.host?.toLowerCase().replace(PORT, '') ?? '';
  return hostname === undefined || hostname.toLowerCase() === own ? '' : ` ${hostname}`;
}

/** Id of the record: the user, when there is one, can't be mistaken for a part of the key. */
export function recordId(key: string, user: string | undefined): string {
  return user === undefined ? `GET ${key}` : `USER ${encodeURIComponent(user)} ${key}`;
}

/** A key and the id of its record. */
export interface KeyAndId {
  readonly key: string;
  readonly id: string;
}

const MAX_KNOWN = 2_000;
const MAX_KNOWN_LENGTH = 500;

/** Gives `make` with a memory: hot URLs are taken apart and sorted once. */
export function rememberingKeys(make: (url: string) => string): (url: string) => KeyAndId {
  const known = new Map<string, KeyAndId>();
  return (url) => {
    const found = known.get(url);
    if (found !== undefined) return found;
    const key = make(url);
    const made = { key, id: recordId(key, undefined) };
    if (url.length > MAX_KNOWN_LENGTH) return made;
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(url, made);
    return made;
  };
}
