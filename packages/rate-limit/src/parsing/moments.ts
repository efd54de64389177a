// Moments that servers write: HTTP-date, seconds since 1970, ISO 8601.

const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC_850_DATE = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;
const ISO_8601 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})$/;

/** Milliseconds since 1970 of an HTTP-date in any of its three forms (RFC 9110 §5.6.7), or `undefined`. */
export function parseHttpDate(text: string): number | undefined {
  if (HTTP_DATE.test(text) || RFC_850_DATE.test(text)) return moment(text);
  // The form of C's asctime() has no zone, and means GMT.
  return ASCTIME_DATE.test(text) ? moment(`${text} GMT`) : undefined;
}

/** Milliseconds since 1970 of an ISO 8601 moment with its zone, or `undefined`. */
export function parseIsoDate(text: string): number | undefined {
  return ISO_8601.test(text) ? moment(text) : undefined;
}

function moment(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
