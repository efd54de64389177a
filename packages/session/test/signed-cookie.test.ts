import { describe, expect, it } from '@jest/globals';
import { assert, property, string } from 'fast-check';
import { readSignedCookie, signSessionId } from '../src/signed-cookie.js';
import { until } from '@sallyport/testkit';
import { openShop, sessionCookie } from './shop.js';

const secrets = ['the current secret, also of 32 bytes', 'the previous secret, also of 32 bytes'] as const;
const cookie = (id: string, secret: string = secrets[0]) => `sid=${encodeURIComponent(signSessionId(id, secret))}`;
const read = (header: string | undefined) => readSignedCookie(header, 'sid', secrets);

describe('readSignedCookie()', () => {
  it('takes the session id of a well-signed cookie, wherever it stands', () => {
    for (const header of [cookie('abc'), `a=b; ${cookie('abc')}; c=d`, `x;;=;${cookie('abc')}`, ` ${cookie('abc')} `]) {
      expect(read(header)).toMatchObject({
        verdict: 'valid',
        sessionId: 'abc',
        pair: cookie('abc'),
        isOutdated: false,
      });
    }
    expect(read(`sid="${decodeURIComponent(cookie('abc').slice(4))}"`)).toMatchObject({ sessionId: 'abc' });
  });

  it('says when a previous secret has signed it', () => {
    expect(read(cookie('abc', secrets[1]))).toMatchObject({ verdict: 'valid', isOutdated: true });
  });

  it.each([
    ['no header', undefined, 'none'],
    ['another name', cookie('abc').replace('sid', 'xsid'), 'none'],
    ['a name that ends alike', `my${cookie('abc')}`, 'none'],
    ['a name in another case', cookie('abc').replace('sid', 'SID'), 'none'],
    ['an unsigned id', 'sid=abc', 'forged'],
    ['an empty value', 'sid=', 'forged'],
    ['no signature', 'sid=s%3Aabc', 'forged'],
    ['a foreign secret', cookie('abc', 'nobody knows this secret'), 'forged'],
    ['a broken escape', 'sid=s%3Aabc.%E0%A4%A', 'forged'],
    ['two sessions', `${cookie('abc')}; ${cookie('def')}`, 'ambiguous'],
    ['two sessions under two secrets', `${cookie('abc')}; ${cookie('def', secrets[1])}`, 'ambiguous'],
  ])('finds no session in %s', (_what, header, verdict) => {
    expect(read(header)).toStrictEqual({ verdict, sessionId: undefined, pair: undefined, isOutdated: false });
  });

  it('throws for no header at all, and believes none that it did not sign', () => {
    assert(
      property(string(), string(), (before, after) => {
        const { verdict, sessionId } = read(`${before}; sid=${after}; ${cookie('abc')}`);
        expect([verdict, sessionId]).toStrictEqual(['valid', 'abc']);
        expect(read(`${before}sid=${after}`).verdict).toMatch(/^(?:none|forged)$/);
      }),
    );
  });
});

describe('a cookie that a previous secret signed', () => {
  const old = secrets[1];

  it('is signed anew by a response that changes nothing, once, with its attributes and no-store', async () => {
    const before = await openShop({ secrets: [old], cookie: { persistent: true } });
    const sent = sessionCookie(await before.visit.post('/log-in/ann'));
    const after = await openShop({ prefix: before.prefix, secrets, cookie: { persistent: true } });
    const response = await after.visit.get('/').set('Cookie', sent);
    const [line = ''] = response.headers['set-cookie'] as unknown as string[];
    expect(response.body.userId).toBe('ann');
    expect(line).toMatch(/^sid=s%3A[^;]+; Path=\/; Expires=[^;]+ GMT; HttpOnly; SameSite=Lax$/);
    expect(response.headers['cache-control']).toBe('no-store');
    const signed = sessionCookie(response);
    expect(signed.split('.')[0]).toBe(sent.split('.')[0]);
    expect(signed).not.toBe(sent);
    const rotated = await openShop({ prefix: before.prefix, secrets: [secrets[0]] });
    const last = await rotated.visit.get('/').set('Cookie', signed);
    expect([last.body.userId, last.headers['set-cookie']]).toStrictEqual(['ann', undefined]);
  });

  it('is not signed anew where its session has ended', async () => {
    const before = await openShop({ secrets: [old] });
    const sent = sessionCookie(await before.visit.post('/log-in/ann'));
    await before.sessions.revokeAll('ann');
    const after = await openShop({ prefix: before.prefix, secrets });
    const response = await after.visit.get('/').set('Cookie', sent);
    expect(response.headers['set-cookie']).toStrictEqual([expect.stringMatching(/^sid=; /)]);
  });

  it('gives way to the new cookie of a log-in', async () => {
    const before = await openShop({ secrets: [old] });
    const sent = sessionCookie(await before.visit.post('/set/a/b'));
    const after = await openShop({ prefix: before.prefix, secrets });
    const response = await after.visit.post('/log-in/ann').set('Cookie', sent);
    expect(response.headers['set-cookie']).toHaveLength(1);
    expect((await after.visit.get('/').set('Cookie', sessionCookie(response))).body.userId).toBe('ann');
  });
});

describe('a cookie of a previous secret whose id was renewed a moment ago', () => {
  it('is not signed anew: the previous id does not come back to the browser', async () => {
    const [current, previous] = secrets;
    const before = await openShop({ secrets: [previous], renewalMs: 1000 });
    const first = sessionCookie(await before.visit.post('/log-in/ann'));
    const second = await until(async () => sessionCookie(await before.visit.get('/').set('Cookie', first)), {
      timeoutMs: 8000,
      everyMs: 100,
    });
    const after = await openShop({ prefix: before.prefix, secrets: [current, previous], renewalMs: 1000 });
    // The browser has the present id, and uses it.
    expect((await after.visit.get('/').set('Cookie', second)).body.userId).toBe('ann');
    const late = await after.visit.get('/').set('Cookie', first);
    expect(late.body.userId).toBe('ann');
    expect(late.headers['set-cookie'] ?? []).toStrictEqual([]);
  });
});
