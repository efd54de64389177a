// Variants of one URL: which request headers tell them apart (RFC 9111 §4.1), and the name of the variant for a request.
// Values are normalised first, so that clients which mean the same share a variant.

import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const MAX_NAMES = 12;
const CODINGS = ['zstd', 'br', 'gzip', 'deflate'];

/**
 * Gives the header names that tell the variants of this response apart, lower case and sorted; `undefined` when there are
 * more than 12.
 *
 * @param header value of a response header by lower-case name
 */
export function varyNames(header: (name: string) => string | undefined): string[] | undefined {
  const names = new Set(
    (header('vary') ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );
  // What depends on the request without saying so would be served to the wrong clients.
  if (header('content-encoding') !== undefined) names.add('accept-encoding');
  const allowed = header('access-control-allow-origin');
  if (allowed !== undefined && allowed !== '*') names.add('origin');
  return names.size > MAX_NAMES ? undefined : [...names].toSorted();
}

/** Both lists as one, sorted. */
export function unite(one: readonly string[], other: readonly string[]): string[] {
  return [...new Set([...one, ...other])].toSorted();
}

const MAX_KNOWN = 2_000;
const MAX_KNOWN_LENGTH = 1_000;
const known = new Map<string, string>();

/** Names the variant of a request: equal for requests of one origin whose named headers mean the same. */
export function variantId(origin: string, names: readonly string[], headers: IncomingHttpHeaders): string {
  // What was hashed before is not hashed again. No header that came over a connection has a line feed in it.
  let text = origin;
  for (const name of names) text += `\n${name}${valueText(valueOf(headers, name))}`;
  const id = known.get(text);
  if (id !== undefined) return id;
  const made = hashVariant(origin, names, headers);
  if (text.length > MAX_KNOWN_LENGTH || text.split('\n').length !== names.length + 1) return made;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(text, made);
  return made;
}

/** A handler may name anything in Vary, `constructor` too. */
function valueOf(headers: IncomingHttpHeaders, name: string): string | string[] | undefined {
  return Object.hasOwn(headers, name) ? headers[name] : undefined;
}

function valueText(value: string | string[] | undefined): string {
  return value === undefined ? '' : `:${typeof value === 'string' ? value : value.join(', ')}`;
}

function hashVariant(origin: string, names: readonly string[], headers: IncomingHttpHeaders): string {
  const values = names.map((name) => [name, normalise(name, valueOf(headers, name))]);
  return createHash('sha256')
    .update(JSON.stringify([origin, values]))
    .digest('base64url')
    .slice(0, 27);
}

/** RFC 9111 §4.1 allows whitespace, order and case to be normalised where that is known not to change the meaning. */
export function normalise(name: string, value: string | string[] | undefined): string | null {
  // RFC 9111 §4.1: what is absent matches only what is absent.
  if (value === undefined) return null;
  const text = Array.isArray(value) ? value.join(', ') : value;
  if (name === 'accept-encoding') return codings(text);
  if (name === 'accept-language') {
    return ranked(text)
      .filter(({ weight }) => weight > 0)
      .map(({ token }) => token)
      .join(',');
  }
  if (name === 'accept') return text.toLowerCase().replaceAll(/\s+/g, '');
  return text.trim().replaceAll(/\s+/g, ' ');
}

/** The codings that the client takes, in our order: what a server chooses from them does not depend on theirs. */
function codings(text: string): string {
  const weights = new Map(ranked(text).map(({ token, weight }) => [token.replace(/^x-/, ''), weight]));
  const isTaken = (coding: string) => (weights.get(coding) ?? weights.get('*') ?? 0) > 0;
  const taken = CODINGS.filter((coding) => isTaken(coding));
  // RFC 9110 §12.5.3: identity is acceptable unless it is excluded.
  const isIdentityOut = (weights.get('identity') ?? (weights.get('*') === 0 ? 0 : 1)) === 0;
  return [...taken, ...(isIdentityOut ? ['!identity'] : [])].join(',');
}

/** The members of a weighted list (RFC 9110 §12.4.2), lower case, heaviest first. */
function ranked(text: string): { token: string; weight: number }[] {
  return text
    .toLowerCase()
    .split(',')
    .map((member) => {
      const [token = '', ...parameters] = member.split(';').map((part) => part.trim());
      const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
      return { token, weight: weight === undefined ? 1 : Number(weight) || 0 };
    })
    .filter(({ token }) => token !== '')
    .toSorted((a, b) => b.weight - a.weight);
}
