// Versions are compared, never ordered: one is `<seconds>.<µs>-<random>` by the time of Redis, and a soft purge appends
// `~<ms>-<random>`, in place of what an earlier one appended. So two versions that differ only behind the `~` are told
// apart from two that differ throughout: the first makes stale, the second makes void.

/** What a version that stands now says about one that an entry was made under. */
export type Verdict = 'same' | 'softened' | 'void';

export function compareVersions(made: string, seen: string | undefined): Verdict {
  if (made === seen) return 'same';
  return seen !== undefined && hardPart(made) === hardPart(seen) ? 'softened' : 'void';
}

/** When the last soft purge came, Redis time in ms. */
export function softenedAtMs(version: string): number {
  const at = version.indexOf('~');
  return at === -1 ? 0 : Number.parseInt(version.slice(at + 1), 10);
}

function hardPart(version: string): string {
  const at = version.indexOf('~');
  return at === -1 ? version : version.slice(0, at);
}
