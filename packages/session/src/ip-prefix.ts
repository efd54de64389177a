// The network that an address belongs to: enough to tell home from abroad, too little to follow a person.

import { isIP } from 'node:net';

/** Gives the /24 of an IPv4 address and the /64 of an IPv6 address; '' for anything else. */
export function ipPrefix(address: string | undefined): string {
  const plain = (address ?? '').replace(/%.*$/, '');
  // A socket that listens on both families shows IPv4 clients as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2).
  const v4 = plain.replace(/^::ffff:(?=\d+\.)/i, '');
  if (isIP(v4) === 4) return `${v4.split('.').slice(0, 3).join('.')}.0/24`;
  if (isIP(plain) !== 6) return '';
  const [head = '', tail] = plain.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    // A dotted IPv4 tail stands for two groups; it lies outside of the /64.
    const after = tail === '' ? [] : tail.replace(/\d+\.\d+\.\d+\.\d+$/, '0:0').split(':');
    while (groups.length + after.length < 8) groups.push('0');
    groups.push(...after);
  }
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
