/** Random addresses, and random ways to write one. */

import { randomBy } from '@sallyport/testkit';

/** Gives random integers below its argument; the same ones for the same seed. */
export type Random = (below: number) => number;

export function generator(seed: number): Random {
  const random = randomBy(seed);
  return (below) => Math.floor(random() * below);
}

/** Where IPv4 addresses live inside of IPv6: mapped, translated, NAT64, 6to4, Teredo. */
export const embedded: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0, 0xffff],
  [0, 0, 0, 0, 0xffff, 0],
  [0x64, 0xff9b, 0, 0, 0, 0],
  [0x2002],
  [0x2001, 0],
];

/** The eight groups of an address: any, with many zeros, or with an IPv4 address inside. */
export function randomGroups(random: Random): number[] {
  const groups = Array.from({ length: 8 }, () => (random(3) === 0 ? 0 : random(4) === 0 ? random(16) : random(65_536)));
  const prefix = random(4) === 0 ? embedded[random(embedded.length)] : undefined;
  prefix?.forEach((group, index) => (groups[index] = group));
  return groups;
}

/** Writes an address in a random one of its notations (RFC 4291 §2.2), with what proxies and systems add to it. */
export function renotate(groups: readonly number[], random: Random): string {
  const [g = 0, h = 0] = groups.slice(6);
  const hasDots = random(3) === 0;
  const written = (hasDots ? groups.slice(0, 6) : groups).map((group) => {
    const hex = group.toString(16).padStart(random(5), '0');
    return random(2) === 0 ? hex.toUpperCase() : hex;
  });
  const zeros = zeroRun(groups.slice(0, written.length), random);
  if (hasDots) written.push(`${g >> 8}.${g & 255}.${h >> 8}.${h & 255}`);
  let text = written.join(':');
  if (zeros !== undefined) {
    const [from, to] = zeros;
    text = `${written.slice(0, from).join(':')}::${written.slice(to).join(':')}`;
  }
  if (random(4) === 0) text += `%${['eth0', '1', 'en-0.7'][random(3)]}`;
  const form = random(4);
  return form === 0 ? `[${text}]` : form === 1 ? `[${text}]:${random(65_536)}` : text;
}

/** A run of zero groups to shorten, any of them; not always. */
function zeroRun(groups: readonly number[], random: Random): readonly [from: number, to: number] | undefined {
  const from = groups.indexOf(0, random(groups.length));
  if (from < 0 || random(3) === 0) return undefined;
  let to = from + 1;
  while (to < groups.length && groups[to] === 0 && random(4) > 0) to += 1;
  return [from, to];
}
