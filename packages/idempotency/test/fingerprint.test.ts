import { describe, expect, it } from '@jest/globals';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fingerprint, type FingerprintedRequest } from '../src/fingerprint.js';
import { rememberBytes } from '../src/raw-body.js';

const parsed = (body: unknown, overrides: Partial<FingerprintedRequest> = {}): FingerprintedRequest => ({
  headers: { 'content-length': '10', 'content-type': 'application/json' },
  originalUrl: '/orders',
  readableDidRead: true,
  body,
  ...overrides,
});
const empty: FingerprintedRequest = { headers: {}, originalUrl: '/orders', readableDidRead: false };

describe('fingerprint()', () => {
  it('is the same for the same query and body', () => {
    expect(fingerprint(parsed({ a: 1, b: 2 }))).toBe(fingerprint(parsed({ b: 2, a: 1 })));
    expect(fingerprint(empty)).toBe(fingerprint({ ...empty, headers: { 'content-length': '0' } }));
  });

  it('differs for bytes, text, JSON, nothing and another query', () => {
    const all = [
      fingerprint(parsed({ a: 1 })),
      fingerprint(parsed('{"a":1}')),
      fingerprint(parsed(Buffer.from('{"a":1}'))),
      fingerprint(parsed({ a: 1 }, { originalUrl: '/orders?a=1' })),
      fingerprint(parsed({})),
      fingerprint(parsed(null)),
      fingerprint(empty),
      fingerprint(empty, ''),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('compares bytes where they were seen, and tells media types apart', () => {
    const seen = (text: string, contentType = 'application/json') => {
      const req = parsed(JSON.parse(text), { headers: { 'content-length': '10', 'content-type': contentType } });
      rememberBytes(req as unknown as IncomingMessage, undefined as unknown as ServerResponse, Buffer.from(text));
      return fingerprint(req);
    };
    expect(seen('{"a":1}')).toBe(seen('{"a":1}'));
    expect(seen('{"a":1}')).toBe(seen('{"a":1}', 'Application/JSON; charset=utf-8'));
    // JSON.parse makes the same of each pair.
    expect(seen('{"a":1}')).not.toBe(seen('{"a":1.0}'));
    expect(seen('12345678901234567890')).not.toBe(seen('12345678901234567891'));
    expect(seen('{"a":1}')).not.toBe(seen('{"a":1}', 'application/merge-patch+json'));
    expect(fingerprint(parsed({ a: 1 }))).not.toBe(seen('{"a":1}'));
  });

  it.each(['rawBody as a string', 'rawBody as bytes'])('takes what others keep: %s', (what) => {
    const keep = (text: string) => (what.endsWith('string') ? text : Buffer.from(text));
    const withRaw = (text: string) => fingerprint({ ...parsed({}), rawBody: keep(text) } as FingerprintedRequest);
    expect(withRaw('one')).toBe(withRaw('one'));
    expect(withRaw('one')).not.toBe(withRaw('two'));
  });

  it.each([
    ['no parser, Express 5', { body: undefined }],
    ['no parser, Express 4', { body: {}, readableDidRead: false }],
    ['a parser that kept nothing', { body: undefined, readableDidRead: true }],
    ['a chunked body', { body: undefined, headers: { 'transfer-encoding': 'chunked' } }],
  ])('refuses a body that is not in req.body: %s', (_what, overrides) => {
    expect(() => fingerprint(parsed(undefined, overrides))).toThrow(
      expect.objectContaining({ code: 'ERR_IDEMPOTENCY_BODY_NOT_PARSED', status: 500 }),
    );
  });

  it('takes an empty object that was read, and a body that was set by hand', () => {
    expect(fingerprint(parsed({}))).toEqual(expect.any(String));
    expect(fingerprint(parsed({ a: 1 }, { readableDidRead: false }))).toBe(fingerprint(parsed({ a: 1 })));
  });

  it('refuses multipart, whose files it cannot see, unless told what counts', () => {
    const multipart = parsed({ a: '1' }, { headers: { 'content-length': '9', 'content-type': 'multipart/form-data' } });
    expect(() => fingerprint(multipart)).toThrow('multipart');
    expect(fingerprint(multipart, 'a')).not.toBe(fingerprint(multipart, 'b'));
  });
});
