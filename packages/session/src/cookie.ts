// Cookie rules, without I/O: names and attributes that browsers accept, decided once at start. Browsers drop a cookie
// whose name prefix or attributes contradict each other without a word, so contradictions are refused here.

import { boolean, checkOptions, oneOf, optional, refuse, text, type Check, type OptionSite } from '@sallyport/core';

/** The session cookie. It is always `HttpOnly`; its value is the signed session id. */
export interface CookieOptions {
  /** @default '__Host-sid', '__Secure-sid' with a domain or path, 'sid' where the cookie is not Secure */
  readonly name?: string;
  /** `'auto'`: Secure, except for plain HTTP to a loopback host such as `localhost`. @default 'auto' */
  readonly secure?: boolean | 'auto';
  /** @default 'lax' */
  readonly sameSite?: 'lax' | 'strict' | 'none';
  /** Also sent to the subdomains of this domain. @default only to the host that set it */
  readonly domain?: string;
  /** Also limits the middleware to these paths. @default '/' */
  readonly path?: string;
  /** One cookie per top-level site (CHIPS). @default false */
  readonly partitioned?: boolean;
  /** Kept when the browser closes, until the session's absolute end. @default false */
  readonly persistent?: boolean;
}

/** Attributes as express-session takes them. */
export interface CookieAttributes {
  readonly path: string;
  readonly httpOnly: true;
  readonly secure: boolean;
  readonly sameSite: 'lax' | 'strict' | 'none';
  readonly domain?: string;
  readonly partitioned?: true;
}

/** One way to set the cookie. */
export interface CookieVariant {
  readonly name: string;
  readonly attributes: CookieAttributes;
}

/** What was decided at start. */
export interface CookiePlan {
  readonly secure: boolean | 'auto';
  readonly persistent: boolean;
  /** For requests over TLS; `whenPlain` for the others, where that is allowed. */
  readonly whenSecure: CookieVariant;
  readonly whenPlain: CookieVariant;
}

const secureOrAuto: Check<boolean | 'auto'> = (value, site) =>
  value === 'auto' || typeof value === 'boolean' ? value : refuse(site, "true, false or 'auto'", value);

const CHECKS = {
  // RFC 6265 §4.1.1: a cookie name is a token (RFC 9110 §5.6.2).
  name: optional(text(/^[\w!#$%&'*+.^`|~-]{1,100}$/, 'a token of 1 to 100 characters'), undefined),
  secure: optional(secureOrAuto, 'auto' as const),
  sameSite: optional(oneOf('lax', 'strict', 'none'), 'lax' as const),
  domain: optional(text(/^(?=.{1,253}$)\.?[a-z\d-]+(\.[a-z\d-]+)*$/i, 'a domain name'), undefined),
  path: optional(
    text(/^\/[\x21-\x3a\x3c-\x7e]{0,1000}$/, "a path that begins with '/', of at most 1001 characters"),
    '/',
  ),
  partitioned: optional(boolean, false),
  persistent: optional(boolean, false),
};

/** Decides the cookie's name and attributes. Fits `checkOptions` as the check of a `cookie` option. */
export const cookiePlan: Check<CookiePlan> = (value, site) => {
  const options = checkOptions(site.packageName, value === undefined ? {} : value, CHECKS, `${site.option}.`);
  const { secure, sameSite, domain, path, partitioned, persistent } = options;
  const at = (name: string): OptionSite => ({ ...site, option: `${site.option}.${name}` });

  if (sameSite === 'none' && secure !== true) {
    // draft-ietf-httpbis-rfc6265bis §5.7: SameSite=None without Secure is ignored.
    refuse(at('sameSite'), "'lax' or 'strict' unless cookie.secure is true", sameSite);
  }
  if (partitioned && secure !== true) refuse(at('partitioned'), 'false unless cookie.secure is true', true);

  const isHostOnly = domain === undefined && path === '/';
  const name = options.name ?? (secure === false ? 'sid' : `${isHostOnly ? '__Host-' : '__Secure-'}sid`);
  refuseBadPrefix(name, secure, isHostOnly, at('name'));

  const shared = { path, httpOnly: true, sameSite, ...(domain === undefined ? {} : { domain }) } as const;
  const whenSecure = { ...shared, secure: true, ...(partitioned ? { partitioned } : {}) } as const;
  return {
    secure,
    persistent,
    whenSecure: { name, attributes: whenSecure },
    whenPlain: { name: name.replace(NAME_PREFIX, ''), attributes: { ...shared, secure: false } },
  };
};

const NAME_PREFIX = /^__(?:host|secure|http|host-http)-/i;

/** draft-ietf-httpbis-rfc6265bis §4.1.3: what a name prefix promises. Browsers compare it without regard to case. */
function refuseBadPrefix(name: string, secure: boolean | 'auto', isHostOnly: boolean, site: OptionSite): void {
  const prefix = NAME_PREFIX.exec(name)?.[0];
  if (prefix === undefined) return;
  if (name.length === prefix.length) refuse(site, `a name after the prefix ${prefix}`, name);
  if (secure === false) refuse(site, `without the prefix ${prefix} when cookie.secure is false`, name);
  if (/^__host-/i.test(prefix) && !isHostOnly) {
    refuse(site, `without the prefix ${prefix} when cookie.domain is set or cookie.path is not '/'`, name);
  }
}

/** The `Set-Cookie` value that makes the browser forget the cookie: same name, path, domain and flags, no content. */
export function clearingCookie({ name, attributes }: CookieVariant): string {
  const { path, domain, secure, sameSite, partitioned } = attributes;
  const parts = [`${name}=`, `Path=${path}`, 'Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'HttpOnly'];
  if (domain !== undefined) parts.push(`Domain=${domain}`);
  if (secure) parts.push('Secure');
  if (partitioned === true) parts.push('Partitioned');
  parts.push(`SameSite=${sameSite.charAt(0).toUpperCase()}${sameSite.slice(1)}`);
  return parts.join('; ');
}
