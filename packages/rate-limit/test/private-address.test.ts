import { describe, expect, it } from '@jest/globals';
import { addressScope } from '../src/private-address.js';

describe('addressScope()', () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.0.9', 'loopback'],
    ['::1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['10.1.2.3', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'private'],
    ['169.254.1.1', 'private'],
    ['::FFFF:10.1.2.3', 'private'],
    ['fd12:3456::1', 'private'],
    ['fe80::1%eth0', 'private'],
    ['172.32.0.1', 'public'],
    ['100.128.0.1', 'public'],
    ['203.0.113.7', 'public'],
    ['::ffff:203.0.113.7', 'public'],
    ['2001:db8::1', 'public'],
    [undefined, undefined],
    ['', undefined],
    ['unknown', undefined],
  ])('finds %s %s', (address, scope) => {
    expect(addressScope(address)).toBe(scope);
  });
});
