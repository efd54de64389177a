// Which clients count as one. Decided on the 128 bits of the address, never on its text: one address has many notations,
// and a limiter that tells them apart can be walked around, one that lumps them together locks everybody out.

import { isIPv4, isIPv6 } from 'node:net';

/** Key of every client whose address is not known. They share one limit: a fresh one for each would be none. */
const UNKNOWN = 'unknown';

/**
 * Gives the key of the client at `address`: IPv4 as it is, IPv6 as its network. An IPv4 address that travels inside an
 * IPv6 one (mapped, SIIT, NAT64, 6to4, Teredo) is IPv4 again, in any notation. Zone ids, brackets and ports are left out.
 *
 * @param address `req.ip`; `undefined` once the client has gone
 * @param ipv6Subnet how many leading bits make one IPv6 client, 32 to 128. @default 56
 * @returns `'unknown'` for what is not an address
 *
 * @example
 * clientAddress('::ffff:c000:201') // '192.0.2.1'
 * clientAddress('2001:db8:7:1234::9') // '2001:db8:7:1200::/56'
 */
export function clientAddress(address: string | undefined, ipv6Subnet = 56): string {
  if (address === undefined) return UNKNOWN;
  if (isIPv4(address)) return address;
  const bare = withoutPort(address);
  if (isIPv4(bare)) return bare;
  const groups = parseIPv6(bare);
  if (groups === undefined) return UNKNOWN;
  return embeddedIPv4(groups) ?? network(groups, isLocalNat64(groups) ? 128 : ipv6Subnet);
}

/** Some proxies append the port: `192.0.2.1:5678`, `[2001:db8::1]:5678`. */
function withoutPort(text: string): string {
  const match = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text) ?? /^([\d.]+):\d{1,5}$/.exec(text);
  return match?.[1] ?? text;
}

/** The eight 16-bit groups of an IPv6 address, or `undefined`. */
function parseIPv6(text: string): number[] | undefined {
  // RFC 4007 §11: a zone id names an interface of this host and says nothing about the client.
  const [bare = ''] = text.split('%', 1);
  if (!isIPv6(bare)) return undefined;
  // RFC 4291 §2.2: the last 32 bits may be written as an IPv4 address.
  const hex = bare.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    return `${(Number(a) * 256 + Number(b)).toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`;
  });
  const [head = [], tail = []] = hex.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  return [...head, ...zeros, ...tail].map((group) => Number.parseInt(group, 16));
}

/** The IPv4 address inside, of those forms that stand for an IPv4 host. */
function embeddedIPv4(groups: readonly number[]): string | undefined {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups;
  const areFirstFourZero = a === 0 && b === 0 && c === 0 && d === 0;
  // RFC 4291 §2.5.5.2: ::ffff:0:0/96, what a dual-stack socket shows of an IPv4 client.
  if (areFirstFourZero && e === 0 && f === 0xffff) return dotted(g, h);
  // RFC 2765 §2.1: ::ffff:0:0:0/96, the same from a stateless translator.
  if (areFirstFourZero && e === 0xffff && f === 0) return dotted(g, h);
  // RFC 6052 §2.1: 64:ff9b::/96, the same from NAT64.
  if (a === 0x64 && b === 0xff9b && c === 0 && d === 0 && e === 0 && f === 0) return dotted(g, h);
  // RFC 3056 §2: 2002::/16, a whole network behind one IPv4 address.
  if (a === 0x2002) return dotted(b, c);
  // RFC 4380 §4: 2001::/32, the client's IPv4 address is at the end with its bits inverted.
  if (a === 0x2001 && b === 0) return dotted(g ^ 0xffff, h ^ 0xffff);
  return undefined;
}

/**
 * RFC 8215: 64:ff9b:1::/48, IPv4 hosts behind a translator of the operator's own. Where in it the IPv4 address stands is the
 * operator's choice, so it cannot be read; but no subnet of it is one client, and nobody outside can have a second address.
 */
function isLocalNat64([a, b, c]: readonly number[]): boolean {
  return a === 0x64 && b === 0xff9b && c === 1;
}

function dotted(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** The first `bits` bits as text, the same for every address of that network. */
function network(groups: readonly number[], bits: number): string {
  const masked = groups.map((group, index) => {
    const kept = Math.min(16, Math.max(0, bits - 16 * index));
    return group & (0xffff << (16 - kept));
  });
  let length = 8;
  while (length > 0 && masked[length - 1] === 0) length -= 1;
  const text = masked
    .slice(0, length)
    .map((group) => group.toString(16))
    .join(':');
  return `${text}${length === 8 ? '' : '::'}/${bits}`;
}
