import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { connect, keysUnder, uniquePrefix } from '@sallyport/testkit';
import * as fc from 'fast-check';
import { buildKey, clearPrefix, encodeKeyPart } from '../src/index.js';

/** Strings from the characters that mean something to keys, hash tags or UTF-16, so that near misses are likely. */
const nasty = fc
  .array(
    fc.constantFrom(
      '{',
      '}',
      '~',
      '%',
      ':',
      '7',
      'e',
      'a',
      '3',
      '2',
      '5',
      ' ',
      '\n',
      '\0',
      'é',
      '😀',
      '\ud83d',
      '\ude00',
    ),
    { maxLength: 12 },
  )
  .map((characters) => characters.join(''));
/** Any sequence of UTF-16 units, with lone surrogates. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));
const anyId = fc.oneof(nasty, anyText, fc.string({ unit: 'binary' }), fc.string({ minLength: 190, maxLength: 230 }));

/** What Redis Cluster hashes of a key (Redis Cluster specification, "Hash tags"). */
function hashTagOf(key: string): string {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  return open === -1 || close === -1 || close === open + 1 ? key : key.slice(open + 1, close);
}

describe('encodeKeyPart()', () => {
  it('leaves printable ids as they are', () => {
    for (const id of ['ab12', 'user:7', 'GET /a/b?x', "a.b@c-d_e!$&'()*,;=+/"]) {
      expect(encodeKeyPart(id)).toBe(id.replace(' ', '%20').replace('?', '%3f'));
    }
  });

  it.each([
    ['', '%'],
    ['%', '%25'],
    ['{}', '%7b%7d'],
    ['~a', '%7ea'],
    ['a~', 'a~'],
    ['é', '%c3%a9'],
    ['a\r\nb', 'a%0d%0ab'],
  ])('encodes %j as %j', (id, encoded) => {
    expect(encodeKeyPart(id)).toBe(encoded);
  });

  it('replaces what is longer than 200 characters by its SHA-256', () => {
    const id = 'x'.repeat(201);
    expect(encodeKeyPart('x'.repeat(200))).toBe('x'.repeat(200));
    expect(encodeKeyPart(id)).toBe(`~${createHash('sha256').update(id).digest('base64url')}`);
  });

  it('gives different ids different encodings', () => {
    fc.assert(
      fc.property(fc.array(anyId, { minLength: 2, maxLength: 60 }), (ids) => {
        const distinct = new Set(ids);
        expect(new Set([...distinct].map(encodeKeyPart)).size).toBe(distinct.size);
      }),
      { numRuns: 300 },
    );
  });

  it('tells lone surrogates apart, from each other and from U+FFFD', () => {
    const ids = ['\ud800', '\ud801', '\udfff', '\ufffd', 'a\ud800', '\ud800a'];
    expect(new Set(ids.map(encodeKeyPart)).size).toBe(ids.length);
  });

  it('gives printable ASCII without braces, of 1 to 200 characters', () => {
    fc.assert(
      fc.property(fc.oneof(anyId, fc.string({ minLength: 0, maxLength: 5_000, unit: 'binary' })), (id) => {
        expect(encodeKeyPart(id)).toMatch(/^[\x21-\x7a|~]{1,200}$/);
      }),
    );
  });

  it('encodes its own output again to something else, unless nothing had to be encoded', () => {
    fc.assert(
      fc.property(anyId, (id) => {
        const once = encodeKeyPart(id);
        if (once !== id) expect(encodeKeyPart(once)).not.toBe(once);
      }),
    );
  });
});

describe('buildKey()', () => {
  it('puts the id into the hash tag and the parts after it', () => {
    expect(buildKey('session:', 'ab12')).toBe('session:{ab12}');
    expect(buildKey('lock:', 'stock/7', 'queue')).toBe('lock:{stock/7}:queue');
  });

  it('lets the id alone decide the slot, whatever the parts', () => {
    fc.assert(
      fc.property(anyId, fc.array(anyId, { maxLength: 3 }), (id, parts) => {
        expect(hashTagOf(buildKey('p:', id, ...parts))).toBe(encodeKeyPart(id));
      }),
    );
  });

  it('gives different ids and parts different keys', () => {
    const call = fc.tuple(nasty, fc.array(nasty, { maxLength: 3 }));
    fc.assert(
      fc.property(fc.array(call, { minLength: 2, maxLength: 40 }), (calls) => {
        const distinct = new Set(calls.map((each) => JSON.stringify(each)));
        const keys = new Set(calls.map(([id, parts]) => buildKey('p:', id, ...parts)));
        expect(keys.size).toBe(distinct.size);
      }),
      { numRuns: 300 },
    );
    expect(buildKey('p:', 'id', 'a:b')).not.toBe(buildKey('p:', 'id', 'a', 'b'));
  });

  it('bounds the length of a key', () => {
    const long = ':'.repeat(10_000);
    expect(buildKey('p:', long, long).length).toBeLessThan(1_000);
    expect(buildKey('p:', ':'.repeat(200), ':'.repeat(200)).length).toBeLessThan(1_000);
  });
});

describe('clearPrefix()', () => {
  it('removes all keys under the prefix and says how many', async () => {
    const redis = connect();
    const prefix = uniquePrefix('core-clear');
    const keys = Array.from({ length: 1_234 }, (_, index) => buildKey(prefix, `user ${index}`, 'part'));
    await redis.mset(keys.flatMap((key) => [key, '1']));
    await expect(clearPrefix(redis, prefix)).resolves.toBe(1_234);
    await expect(clearPrefix(redis, prefix)).resolves.toBe(0);
  });

  it('spares longer prefixes, and keys that only a glob would match', async () => {
    const redis = connect();
    const outer = uniquePrefix('core-globs');
    const foreign = [`${outer}b:{1}`, `${outer}axb:{1}`, `${outer}{plain}`, `${outer}[ab]*b:deep:{1}`];
    const own = `${outer}[ab]*b:{1}`;
    await redis.mset([...foreign, own].flatMap((key) => [key, '1']));
    await expect(clearPrefix(redis, `${outer}[ab]*b:`)).resolves.toBe(1);
    await expect(keysUnder(redis, `${outer}*`)).resolves.toEqual(foreign.toSorted());
  });

  it('stays within the keyPrefix of the client', async () => {
    const prefix = uniquePrefix('core-client-prefix');
    const plain = connect();
    const prefixed = connect({ keyPrefix: `${prefix}app?:` });
    await prefixed.set(buildKey('rate:', '1'), '1');
    await plain.set(`${prefix}{1}`, 'foreign');
    await plain.set(`${prefix}appX:rate:{1}`, 'foreign');
    await expect(clearPrefix(prefixed, 'rate:')).resolves.toBe(1);
    await expect(keysUnder(plain, `${prefix}*`)).resolves.toHaveLength(2);
  });
});
