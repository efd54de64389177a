import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { clientAddress } from '../src/client-address.js';
import { embedded, generator, randomGroups, renotate } from './address-notations.js';

const total = process.env['SALLYPORT_TEST'] === 'full' ? 1_000_000 : 100_000;
const NOTATIONS = 10;

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
    ['[fe80::1%eth0]:80', 'fe80::/56'],
    ['192.0.2.1%2', 'unknown'],
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
    ['::FFFF:0:c000:201', 'translated in hex, RFC 2765 §2.1'],
    ['64:ff9b::c000:201', 'NAT64, RFC 6052 §2.1'],
    ['0064:FF9B::192.0.2.1', 'NAT64 dotted, RFC 6052 §2.4'],
    ['[64:ff9b::192.0.2.1]:443', 'NAT64 with a port'],
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

  it('keeps hosts behind a local NAT64 apart, wherever their IPv4 address stands in it (RFC 8215)', () => {
    // 192.0.2.1 and 192.0.2.2 embedded by prefixes of 96, 64 and 48 bits (RFC 6052 §2.2).
    const hosts = ['64:ff9b:1::c000:201', '64:ff9b:1::c000:202', '64:ff9b:1:0:c0:2:100::', '64:ff9b:1:0:c0:2:200::'];
    expect(new Set(hosts.map((host) => clientAddress(host))).size).toBe(4);
    expect(clientAddress('64:ff9b:1::192.0.2.1')).toBe(clientAddress('64:ff9b:1:0::c000:201%eth0'));
    expect(clientAddress('64:ff9b:2::1')).toBe('64:ff9b:2::/56');
  });

  it(`gives one key to ${total.toLocaleString('en')} random notations of addresses`, () => {
    // Random, but the same in each run; the shape of the addresses favours runs of zeros and embedded IPv4.
    const random = generator(20_261_120);
    for (let made = 0; made < total; made += NOTATIONS) {
      const groups = randomGroups(random);
      const subnet = 32 + random(97);
      const expected = clientAddress(groups.map((group) => group.toString(16)).join(':'), subnet);
      for (let count = 0; count < NOTATIONS; count += 1) {
        const notation = renotate(groups, random);
        const key = clientAddress(notation, subnet);
        if (key !== expected || key === 'unknown') throw new Error(`${notation} has the key ${key}, not ${expected}`);
      }
    }
  }, 60_000);

  it('gives distinct addresses distinct keys, each the address itself', () => {
    const random = generator(3);
    const addresses = new Map<string, string>();
    for (let made = 0; made < total / 10; made += 1) {
      const groups = randomGroups(random);
      const canonical = embedded.some((prefix) => prefix.every((group, index) => groups[index] === group))
        ? undefined
        : groups.join(':');
      if (canonical === undefined) continue;
      const key = clientAddress(groups.map((group) => group.toString(16)).join(':'), 128);
      const known = addresses.get(key) ?? canonical;
      if (known !== canonical) throw new Error(`${known} and ${canonical} share ${key}`);
      addresses.set(key, canonical);
    }
    expect(addresses.size).toBeGreaterThan(total / 30);
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
