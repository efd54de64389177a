// Reads Cache-Control. Names are case-insensitive, several field lines are one list, and what cannot be understood counts
// against caching: a broken number is 0, and an unbalanced quote hides no directive.

/** Directives by lower-case name; `''` for one without a value. */
export type Directives = ReadonlyMap<string, string>;

const DIRECTIVE = /([^\s,=;"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*)))?/g;

/** Parses the field value (RFC 9111 §5.2). */
export function parseCacheControl(value: string): Directives {
  const directives = new Map<string, string>();
  for (const [, name = '', quoted, token] of value.matchAll(DIRECTIVE)) {
    const directive = name.toLowerCase();
    const argument = quoted ?? token ?? '';
    const earlier = directives.get(directive);
    // RFC 9111 §4.2.1: of a directive that stands twice, use the first or the most restrictive; this is the latter.
    const isLonger = earlier !== undefined && (deltaSeconds(argument) ?? 0) > (deltaSeconds(earlier) ?? 0);
    if (!isLonger) directives.set(directive, argument);
  }
  return directives;
}

/**
 * Gives the seconds, 0 for what is no number, and `undefined` for a directive that is absent.
 *
 * RFC 9111 §4.2.1: responses with invalid freshness information are best considered stale.
 */
export function deltaSeconds(argument: string | undefined): number | undefined {
  if (argument === undefined) return undefined;
  // RFC 9111 §1.2.2: a value that is too large counts as 2^31.
  return /^\d+$/.test(argument) ? Math.min(Number(argument), 2 ** 31) : 0;
}
