/**
 * Checks what a client sent. Everything that is not exactly what the route needs is refused with 400 and the name of the
 * field; nothing is guessed or converted.
 */

/** Thrown for a request that cannot be understood; the message is meant for the client. */
export class InputError extends Error {
  readonly code = 'ERR_DEMO_INPUT';
  readonly status = 400;
  readonly expose = true;
}

/** The JSON object that was sent. `express.json()` leaves `undefined` when there is no JSON. */
export function objectBody(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new InputError('The body must be a JSON object, with Content-Type: application/json.');
}

/** A whole number in a JSON body. */
export function integer(value: unknown, name: string, minimum: number, maximum: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum) return value;
  throw new InputError(`"${name}" must be a whole number from ${minimum} to ${maximum}.`);
}

/** A whole number in a path or query, where everything is text; `fallback` when it is absent. */
export function integerText(value: unknown, name: string, minimum: number, maximum: number, fallback?: number): number {
  if (value === undefined && fallback !== undefined) return fallback;
  const isNumber = typeof value === 'string' && /^\d{1,9}$/.test(value);
  return integer(isNumber ? Number(value) : undefined, name, minimum, maximum);
}

/** Text with a bounded length. */
export function text(value: unknown, name: string, minimum: number, maximum: number, fallback?: string): string {
  if (value === undefined && fallback !== undefined) return fallback;
  if (typeof value === 'string' && value.length >= minimum && value.length <= maximum) return value;
  throw new InputError(`"${name}" must be text of ${minimum} to ${maximum} characters.`);
}

/** One of the listed words. */
export function choice<const Allowed extends string>(
  value: unknown,
  name: string,
  allowed: readonly Allowed[],
  fallback?: Allowed,
): Allowed {
  if (value === undefined && fallback !== undefined) return fallback;
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new InputError(`"${name}" must be one of ${allowed.join(', ')}.`);
}
