// Reads the session cookie before anything else looks at it. A request may carry several cookies of one name: a neighbour
// on a subdomain, or a forger on plain HTTP, can add one ("cookie tossing"). The one with a valid signature counts; two
// valid ones of different sessions are nobody's word, and the request is anonymous.

import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a request's `Cookie` header says about the session. */
export interface SignedCookie {
  /**
   * `none`: no cookie of that name; `forged`: none of them carries a valid signature; `ambiguous`: several valid ones
   * name different sessions, or there are very many; `valid`: exactly one session is named.
   */
  readonly verdict: 'none' | 'forged' | 'ambiguous' | 'valid';
  /** The session id of a `valid` cookie. */
  readonly sessionId: string | undefined;
  /** The cookie as it was sent, `name=value`, of a `valid` one. */
  readonly pair: string | undefined;
  /** Whether a previous secret signed it. */
  readonly isOutdated: boolean;
}

/** How many cookies of the name are looked at: a header has room for hundreds, and each one costs a signature. */
const MAX_COOKIES = 8;
/** SHA-256 in base64, without padding. */
const SIGNATURE_LENGTH = 43;

const NONE: SignedCookie = { verdict: 'none', sessionId: undefined, pair: undefined, isOutdated: false };
const FORGED: SignedCookie = { ...NONE, verdict: 'forged' };
const AMBIGUOUS: SignedCookie = { ...NONE, verdict: 'ambiguous' };

/** Gives what a `Cookie` header says; `secrets` are the current one and the previous ones. */
export function readSignedCookie(header: string | undefined, name: string, secrets: readonly string[]): SignedCookie {
  if (header === undefined || !header.includes(name)) return NONE;
  let result = NONE;
  let count = 0;
  for (const part of header.split(';')) {
    const equals = part.indexOf('=');
    if (equals === -1 || part.slice(0, equals).trim() !== name) continue;
    count += 1;
    if (count > MAX_COOKIES) return AMBIGUOUS;
    const found = verify(part.slice(equals + 1).trim(), name, secrets);
    if (found === undefined) {
      if (result === NONE) result = FORGED;
    } else if (result.sessionId === undefined) {
      result = found;
    } else if (result.sessionId !== found.sessionId) {
      return AMBIGUOUS;
    }
  }
  return result;
}

/** Gives the cookie value for a session id, as express-session writes it. */
export function signSessionId(sessionId: string, secret: string): string {
  return `s:${sessionId}.${signatureOf(sessionId, secret)}`;
}

function verify(value: string, name: string, secrets: readonly string[]): SignedCookie | undefined {
  const plain = decode(value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value);
  const dot = plain.lastIndexOf('.');
  if (!plain.startsWith('s:') || dot < 2 || plain.length - dot - 1 !== SIGNATURE_LENGTH) return undefined;
  const sessionId = plain.slice(2, dot);
  const signature = Buffer.from(plain.slice(dot + 1));
  for (const [index, secret] of secrets.entries()) {
    const expected = Buffer.from(signatureOf(sessionId, secret));
    if (expected.length === signature.length && timingSafeEqual(expected, signature)) {
      return { verdict: 'valid', sessionId, pair: `${name}=${value}`, isOutdated: index > 0 };
    }
  }
  return undefined;
}

function signatureOf(sessionId: string, secret: string): string {
  return createHmac('sha256', secret).update(sessionId).digest('base64').replace(/=+$/, '');
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    // Malformed percent encoding, a URIError: no cookie of ours.
    return '';
  }
}
