import { describe, expect, it } from '@jest/globals';
import { ipPrefix } from '../src/ip-prefix.js';

describe('ipPrefix()', () => {
  it.each([
    ['203.0.113.77', '203.0.113.0/24'],
    ['::ffff:203.0.113.77', '203.0.113.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8::1', '2001:db8:0:0::/64'],
    ['2001:0db8:0000:00ff::1', '2001:db8:0:ff::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['not an address', ''],
    ['', ''],
    [undefined, ''],
  ])('gives the network of %p', (address, prefix) => {
    expect(ipPrefix(address)).toBe(prefix);
  });
});
