import { describe, expect, it } from '@jest/globals';
import { clearingCookie, cookiePlan, type CookieOptions } from '../src/cookie.js';

const plan = (options?: CookieOptions) => cookiePlan(options, { packageName: 'session', option: 'cookie' });

describe('cookiePlan()', () => {
  it('gives a __Host- cookie that is Secure, HttpOnly and Lax, and a plain one for loopback', () => {
    const attributes = { path: '/', httpOnly: true, sameSite: 'lax' };
    expect(plan()).toStrictEqual({
      secure: 'auto',
      persistent: false,
      whenSecure: { name: '__Host-sid', attributes: { ...attributes, secure: true } },
      whenPlain: { name: 'sid', attributes: { ...attributes, secure: false } },
    });
  });

  it.each<[CookieOptions, string]>([
    [{ secure: true }, '__Host-sid'],
    [{ secure: false }, 'sid'],
    [{ domain: 'example.org' }, '__Secure-sid'],
    [{ path: '/app' }, '__Secure-sid'],
    [{ name: 'shop' }, 'shop'],
    [{ name: '__Host-shop' }, '__Host-shop'],
  ])('names the cookie for %j', (options, name) => {
    expect(plan(options).whenSecure.name).toBe(name);
  });

  it('takes the prefix off where the cookie is not Secure', () => {
    expect(plan({ name: '__Host-shop' }).whenPlain.name).toBe('shop');
  });

  it.each<[string, unknown]>([
    ['cookie.name', { name: '__Host-shop', domain: 'example.org' }],
    ['cookie.name', { name: '__Host-shop', path: '/app' }],
    ['cookie.name', { name: '__Host-shop', secure: false }],
    ['cookie.name', { name: '__host-shop', secure: false }],
    ['cookie.name', { name: '__Secure-shop', secure: false }],
    ['cookie.name', { name: '__Host-Http-shop', path: '/app' }],
    ['cookie.name', { name: '__Host-' }],
    ['cookie.name', { name: 'a b' }],
    ['cookie.name', { name: 'a;b' }],
    ['cookie.name', { name: '' }],
    ['cookie.sameSite', { sameSite: 'none' }],
    ['cookie.sameSite', { sameSite: 'none', secure: false }],
    ['cookie.sameSite', { sameSite: true }],
    ['cookie.partitioned', { partitioned: true }],
    ['cookie.secure', { secure: 'yes' }],
    ['cookie.domain', { domain: 'example.org; Path=/' }],
    ['cookie.path', { path: 'app' }],
    ['cookie.path', { path: '/a;b' }],
    ['cookie.httpOnly', { httpOnly: false }],
    ['cookie.maxAge', { maxAge: 1 }],
  ])('refuses %s in %j', (option, options) => {
    expect(() => plan(options as CookieOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_OPTION', option, message: expect.stringContaining('must be') }),
    );
  });

  it('accepts SameSite=None and Partitioned on a cookie that is always Secure', () => {
    expect(plan({ secure: true, sameSite: 'none', partitioned: true }).whenSecure.attributes).toMatchObject({
      sameSite: 'none',
      partitioned: true,
    });
  });
});

describe('clearingCookie()', () => {
  it('repeats every attribute that decides which cookie is meant (RFC 6265 §5.3)', () => {
    const { whenSecure } = plan({
      secure: true,
      domain: 'example.org',
      path: '/app',
      partitioned: true,
      sameSite: 'none',
    });
    expect(clearingCookie(whenSecure)).toBe(
      '__Secure-sid=; Path=/app; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Domain=example.org; Secure; Partitioned; SameSite=None',
    );
  });
});
