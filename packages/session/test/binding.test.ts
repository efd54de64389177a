import { describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import { bindingOptions, findMismatch, type BindingOptions } from '../src/binding.js';

const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/130.0.0.0 Safari/537.36';
const begun = { label: 'Chrome on macOS', ipPrefix: '203.0.113.0/24' };
const site = { packageName: 'session', option: 'binding' };
const find = (options: BindingOptions | undefined, userAgent: string | undefined, ip: string | undefined) =>
  findMismatch(bindingOptions(options, site), begun, { headers: { 'user-agent': userAgent }, ip } as Request);

describe('findMismatch()', () => {
  it.each([
    ['the same', MAC, '203.0.113.9'],
    ['a newer version', MAC.replaceAll('130', '141').replace('10_15_7', '14_0'), '203.0.113.250'],
    ['an address that is not known', MAC, undefined],
  ])('finds none for %s', (_what, userAgent, ip) => {
    expect(find(undefined, userAgent, ip)).toBeUndefined();
  });

  it.each([
    ['another browser', MAC.replace('Chrome', 'Firefox'), '203.0.113.9', ['user-agent']],
    ['no user agent', undefined, '203.0.113.9', ['user-agent']],
    ['another network', MAC, '203.0.114.9', ['network']],
    ['an IPv6 network', MAC, '2001:db8::1', ['network']],
    ['both', 'curl/8', '198.51.100.1', ['user-agent', 'network']],
  ])('finds %s', (_what, userAgent, ip, changed) => {
    expect(find(undefined, userAgent, ip)).toMatchObject({ changed, policy: 'observe' });
  });

  it('applies the strictest policy of what has changed, and looks at nothing that is off', () => {
    const options = { userAgent: 'end', network: 'step-up' } as const;
    expect(find(options, 'curl/8', '198.51.100.1')?.policy).toBe('end');
    expect(find(options, MAC, '198.51.100.1')?.policy).toBe('step-up');
    expect(find({ userAgent: 'off' }, 'curl/8', '203.0.113.9')).toBeUndefined();
    expect(find({ network: 'off' }, MAC, '198.51.100.1')).toBeUndefined();
    expect(find({ userAgent: 'off', network: 'end' }, 'curl/8', '198.51.100.1')?.changed).toStrictEqual(['network']);
  });

  it.each([[{ userAgent: 'kill' }], [{ network: true }], [{ ip: 'end' }], ['end'], [null]])('refuses %j', (options) => {
    expect(() => bindingOptions(options, site)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_OPTION' }));
  });
});
