/**
 * Numbers that look random and are the same in every run, on every machine (mulberry32).
 *
 * @param seed any 32-bit integer; equal seeds give equal sequences.
 * @returns a function that gives the next integer in `[0, bound)`.
 */
export function createRandom(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}
