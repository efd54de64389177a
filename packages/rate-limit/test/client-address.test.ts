import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { clientAddress } from '../src/client-address.js';

describe('clientAddress()', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:5678', '192.0.2.1'],
    ['2001:db8:7:1234::9', '2001:db8:7:1200::/56'],
    ['[2001:db8:7:1234::9]:443', '2001:db8:7:1200::/56'],
    ['[2001:db8:7:1234::9]', '2001:db8:7:1200::/56'],
    ['2001:DB8:0007:12ff:1:2:3:4', '2001:db8:7:1200::/56'],
    ['fe80::1%eth0', 'fe80::/56'],
    ['::1', '::/56'],
  ])('gives %s the key %s', (address, key) => {
    expect(clientAddress(address)).toBe(key);
  });

  it.each([
    ['::ffff:192.0.2.1', 'mapped, RFC 4291 §2.5.5.2'],
    ['::ffff:c000:201', 'mapped in hex, RFC 4291 §2.5.5.2'],
    ['0:0:0:0:0:FFFF:C000:0201', 'mapped in full, RFC 4291 §2.5.5.2'],
    ['[::ffff:192.0.2.1]:80', 'mapped with a port'],
    ['::ffff:192.0.2.1%2', 'mapped with a zone id'],
    ['::ffff:0:192.0.2.1', 'translated, RFC 2765 §2.1'],
    ['64:ff9b::c000:201', 'NAT64, RFC 6052 §2.1'],
    ['2002:c000:201::1', '6to4, RFC 3056 §2'],
    ['2001:0:1:2:3:4:3fff:fdfe', 'Teredo, RFC 4380 §4'],
  ])('takes %s for the IPv4 client 192.0.2.1 (%s)', (address) => {
    expect(clientAddress(address)).toBe('192.0.2.1');
  });

  it.each([
    undefined,
    '',
    'unknown',
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '010.0.0.1',
    '1.2.3.4:x',
    ':::',
    '[::1',
    '::g',
  ])('lets everything that is no address share one key: %j', (address) => {
    expect(clientAddress(address)).toBe('unknown');
  });

  it('gives one key to every notation of an IPv6 address', () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    });
    const property = fc.property(groups, fc.integer({ min: 32, max: 128 }), (address, subnet) => {
      const hex = address.map((group) => group.toString(16));
      const padded = address.map((group) => group.toString(16).padStart(4, '0').toUpperCase());
      const [g = 0, h = 0] = address.slice(6);
      const dotted = `${hex.slice(0, 6).join(':')}:${g >> 8}.${g & 255}.${h >> 8}.${h & 255}`;
      const notations = [
        hex.join(':'),
        padded.join(':'),
        dotted,
        new URL(`http://[${hex.join(':')}]/`).hostname,
        `${new URL(`http://[${dotted}]/`).hostname}:8080`,
        `${padded.join(':')}%eth0`,
      ];
      const keys = new Set(notations.map((notation) => clientAddress(notation, subnet)));
      expect(keys.size).toBe(1);
      expect(keys.has('unknown')).toBe(false);
    });
    fc.assert(property, { numRuns: 3_000 });
  });

  it('joins two addresses exactly when their first bits are the same', () => {
    const bit = fc.integer({ min: 0, max: 127 });
    const property = fc.property(bit, fc.integer({ min: 32, max: 128 }), (flipped, subnet) => {
      const groups = [0x2a00, 0x1450, 0x4001, 0x81a, 0x1234, 0x5678, 0x9abc, 0xdef1];
      const other = groups.map((group, index) => (index === flipped >> 4 ? group ^ (0x8000 >> (flipped & 15)) : group));
      const [a, b] = [groups, other].map((address) =>
        clientAddress(address.map((group) => group.toString(16)).join(':'), subnet),
      );
      expect(a === b).toBe(flipped >= subnet);
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it('names the network with its length, so that two subnet sizes never share a count', () => {
    expect(clientAddress('2001:db8::1', 48)).toBe('2001:db8::/48');
    expect(clientAddress('2001:db8::1', 64)).toBe('2001:db8::/64');
    expect(clientAddress('2001:db8:1:2:3:4:5:6', 128)).toBe('2001:db8:1:2:3:4:5:6/128');
  });
});
