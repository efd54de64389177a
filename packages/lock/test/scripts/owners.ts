/** Owners of exclusive locks, in three processes. */
export const me = '1:p1:me';
export const you = '1:p2:you';
export const other = '1:p3:other';

/** The four keys of the resource `a`. */
export function resourceKeys(prefix: string): [holders: string, fence: string, queue: string, alive: string] {
  const holders = `${prefix}{a}`;
  return [holders, `${holders}:fence`, `${holders}:queue`, `${holders}:alive`];
}
