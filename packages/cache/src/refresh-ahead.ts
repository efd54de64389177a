// When to load anew before a value has ended (XFetch, Vattani et al. 2015): the nearer its end and the longer its load
// takes, the likelier. Each reader draws for itself, so a key that is read often is refreshed in time by one of them,
// without an agreement. Who may load is the lease's matter, not this file's.

/** What a record says about its freshness, ms. */
export interface Freshness {
  readonly storedAtMs: number;
  readonly freshMs: number;
  /** How long it took to load. */
  readonly costMs: number;
  /** When a soft purge came, 0 for none. */
  readonly softAtMs: number;
}

/**
 * Draws the moment from which this reader would load anew; the end of freshness when the cost is unknown.
 *
 * @param random from 0, exclusive, to 1
 */
export function drawRefreshAt({ storedAtMs, freshMs, costMs }: Freshness, random: number): number {
  return storedAtMs + freshMs + costMs * Math.log(random);
}

/** How long ago the value stopped being fresh, by itself or by a soft purge; negative while it is. */
export function staleForMs({ storedAtMs, freshMs, softAtMs }: Freshness, nowMs: number): number {
  const endMs = storedAtMs + freshMs;
  return nowMs - (softAtMs === 0 ? endMs : Math.min(softAtMs, endMs));
}
