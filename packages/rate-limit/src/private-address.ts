import { BlockList, isIPv4, isIPv6 } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

const local = new BlockList();
// RFC 1918, RFC 6598 (shared address space: load balancers of clouds), RFC 3927 (link-local), RFC 4193, RFC 4291 §2.5.6.
local.addSubnet('10.0.0.0', 8, 'ipv4');
local.addSubnet('172.16.0.0', 12, 'ipv4');
local.addSubnet('192.168.0.0', 16, 'ipv4');
local.addSubnet('100.64.0.0', 10, 'ipv4');
local.addSubnet('169.254.0.0', 16, 'ipv4');
local.addSubnet('fc00::', 7, 'ipv6');
local.addSubnet('fe80::', 10, 'ipv6');

/**
 * From where a connection comes: `'loopback'` from this machine, `'private'` from its own network, `'public'` from anywhere
 * else; `undefined` when that is not known.
 */
export function addressScope(address: string | undefined): 'loopback' | 'private' | 'public' | undefined {
  // A dual-stack socket shows an IPv4 peer as mapped; a link-local one with its zone.
  const bare = (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/s, '');
  const family = isIPv4(bare) ? 'ipv4' : isIPv6(bare) ? 'ipv6' : undefined;
  if (family === undefined) return undefined;
  if (loopback.check(bare, family)) return 'loopback';
  return local.check(bare, family) ? 'private' : 'public';
}
