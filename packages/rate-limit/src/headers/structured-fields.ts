// Writes the few structured field values (RFC 9651) that we emit: String, Integer, Byte Sequence, and parameters on them.
// What has no valid form is refused, never bent: a client must ignore a malformed field, so a bad one is worse than none.

/** RFC 9651 §3.3.1: an Integer has at most 15 digits. */
const MAX_INTEGER = 999_999_999_999_999;

/** Whether `value` can be a String: printable ASCII (RFC 9651 §3.3.3). */
export function isFieldString(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value);
}

/**
 * A String, quoted and escaped (RFC 9651 §4.1.6).
 *
 * @throws {TypeError} when `value` is not printable ASCII; the factory refuses such names before
 */
export function serializeString(value: string): string {
  if (!isFieldString(value)) throw new TypeError(`${JSON.stringify(value)} is not printable ASCII`);
  return `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/**
 * A non-negative Integer (RFC 9651 §4.1.4). Larger than 15 digits becomes the largest Integer: a client that is told of
 * less than there is, or of a longer wait, does nothing wrong.
 *
 * @throws {TypeError} when `value` is negative, a fraction or not a number
 */
export function serializeInteger(value: number): string {
  const capped = Math.min(value, MAX_INTEGER);
  if (!Number.isInteger(capped) || capped < 0) throw new TypeError(`${value} is not a non-negative integer`);
  return String(capped);
}

/** A Byte Sequence, base64 between colons (RFC 9651 §4.1.8). */
export function serializeBytes(bytes: Uint8Array): string {
  return `:${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}:`;
}

/** An Item with its parameters (RFC 9651 §4.1.3); all values are serialized already, `undefined` leaves one out. */
export function serializeItem(bareItem: string, parameters: Readonly<Record<string, string | undefined>>): string {
  let item = bareItem;
  for (const [key, value] of Object.entries(parameters)) if (value !== undefined) item += `;${key}=${value}`;
  return item;
}
