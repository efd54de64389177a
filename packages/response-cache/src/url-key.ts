// What makes two requests the same: key, user and origin. All three come from the client, so the rules are strict about
// telling things apart and careful about taking things for equal.

import type { Request } from 'express';

/**
 * The key of a URL: path and query, the parameters sorted by name. Those of one name keep their order, which may mean
 * something; nothing is decoded, so two keys are never mixed up.
 */
export function urlKey(url: string): string {
  const [path = '', ...rest] = url.split('?');
  const parameters = rest
    .join('?')
    .split('&')
    .filter((parameter) => parameter !== '');
  if (parameters.length === 0) return path;
  const nameOf = (parameter: string) => parameter.split('=')[0] ?? '';
  // `toSorted` is stable; a comparison by code units is the same on every machine.
  const sorted = parameters.toSorted((a, b) => Number(nameOf(a) > nameOf(b)) - Number(nameOf(a) < nameOf(b)));
  return `${path}?${sorted.join('&')}`;
}

/** The key of a URL as callers write it: with or without origin and fragment. */
export function keyOfUrl(url: string): string {
  const { pathname, search } = new URL(url, 'http://localhost');
  return urlKey(pathname + search);
}

/**
 * The origin that a request is for. It tells variants apart, so that what is made with a forged `Host` stays with those who
 * forge it; behind a proxy that Express trusts, the forwarded host does so too. The port on which the request came is left
 * out, so that processes on several ports share their responses; a port that is merely claimed is not.
 */
export function originOf(req: Request): string {
  const [host = '', port] = (req.headers.host?.toLowerCase() ?? '').split(/:(?=\d+$)/);
  // Typed as a string, and undefined without a Host.
  const hostname: string | undefined = req.hostname;
  const claimedPort = port === undefined || Number(port) === req.socket.localPort ? '' : `:${port}`;
  const forwarded = hostname === undefined || hostname.toLowerCase() === host ? '' : ` ${hostname}`;
  return `${req.protocol}://${host}${claimedPort}${forwarded}`;
}

/** Id of the record: the user, when there is one, can't be mistaken for a part of the key. */
export function recordId(key: string, user: string | undefined): string {
  return user === undefined ? `GET ${key}` : `USER ${encodeURIComponent(user)} ${key}`;
}
