// Reads the Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header-07 §2.1: a Structured Field Item that is a
// String). Pure. Decides what the key is; where it must stand and what happens without it is decided elsewhere.

const MAX_KEY_LENGTH = 255;
/** Quotes, escapes and parameters included: longer values are not even looked at, so that no pattern can be made to labour. */
const MAX_VALUE_LENGTH = 2_048;

// RFC 9651 §3.3.3: DQUOTE *( %x20-21 / %x23-5B / %x5D-7E / "\" ( DQUOTE / "\" ) ) DQUOTE
const SF_STRING = String.raw`"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"`;
// The other bare items (RFC 9651 §3.3), which may stand as values of parameters.
const NUMBER = String.raw`-?(?:\d{1,12}\.\d{1,3}|\d{1,15})`;
const TOKEN = String.raw`[A-Za-z*][\w!#$%&'*+.^${'`'}|~:/-]*`;
const BYTES = String.raw`:[A-Za-z0-9+/=]*:`;
const DISPLAY_STRING = String.raw`%"(?:%[0-9a-f]{2}|[\x20\x21\x23\x24\x26-\x7e])*"`;
const BARE_ITEM = [SF_STRING, TOKEN, BYTES, String.raw`\?[01]`, String.raw`@-?\d{1,15}`, DISPLAY_STRING, NUMBER].join(
  '|',
);
// RFC 9651 §3.1.2: parameters have no meaning for this header, but they are no error.
const PARAMETER = String.raw`; *[a-z*][a-z0-9_.*-]*(?:=(?:${BARE_ITEM}))?`;
const ITEM = new RegExp(`^(${SF_STRING})(?:${PARAMETER})*$`);

// Departs from the draft: a key without quotes, as most clients send it. No quotes, commas, semicolons or spaces, so that
// two headers joined into one, or a broken quoted key, are never taken for one.
const BARE_KEY = /^[\w!#$%&'*+./:=?@^`|~-]+$/;

/** A key, or why there is none. */
export type ParsedKey = { readonly key: string } | { readonly problem: string };

/**
 * Reads the header's value. `"abc"` and, if accepted, `abc` are the same key.
 *
 * @param value the raw field value; several header lines joined by commas are refused
 */
export function parseIdempotencyKey(value: string, acceptBareKey: boolean): ParsedKey {
  if (value.length > MAX_VALUE_LENGTH) return { problem: `it has ${value.length} characters` };
  // RFC 9651 §4.2: spaces around the item are discarded.
  const trimmed = value.replace(/^ +| +$/g, '');
  const quoted = ITEM.exec(trimmed)?.[1];
  if (quoted !== undefined) return checkLength(quoted.slice(1, -1).replace(/\\(.)/g, '$1'));
  if (!BARE_KEY.test(trimmed)) return { problem: 'it is not a structured-field string (RFC 9651 §3.3.3)' };
  if (!acceptBareKey) return { problem: 'the quotes are missing' };
  return checkLength(trimmed);
}

function checkLength(key: string): ParsedKey {
  if (key === '') return { problem: 'it is empty' };
  if (key.length > MAX_KEY_LENGTH) return { problem: `it has ${key.length} characters` };
  return { key };
}
