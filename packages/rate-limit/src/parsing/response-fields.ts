// One way to look at response fields, whatever library the client uses.

import type { IncomingHttpHeaders } from 'node:http';

/** Response fields as `fetch`, `node:http` or another client gives them; names in any case. */
export type ResponseHeaders =
  Headers | IncomingHttpHeaders | Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** Gives the value of a field by its lower-case name; lines of one name are joined as in RFC 9110 §5.3. */
export type FieldReader = (name: string) => string | undefined;

/** Gives the reader for `headers`. */
export function readFields(headers: ResponseHeaders): FieldReader {
  if (isFetchHeaders(headers)) return (name) => headers.get(name) ?? undefined;
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && value !== null)
      fields.set(name.toLowerCase(), Array.isArray(value) ? value.join(', ') : String(value));
  }
  return (name) => fields.get(name);
}

/** Structural: clients bring `Headers` classes of their own. */
function isFetchHeaders(headers: ResponseHeaders): headers is Headers {
  // A plain record may have a field called `get`; it is no function.
  return typeof headers.get === 'function';
}
