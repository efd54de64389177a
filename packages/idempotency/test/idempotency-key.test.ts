import { describe, expect, it } from '@jest/globals';
import { parseIdempotencyKey } from '../src/idempotency-key.js';

const keyOf = (value: string, acceptBareKey = true) => {
  const parsed = parseIdempotencyKey(value, acceptBareKey);
  return 'key' in parsed ? parsed.key : undefined;
};

describe('parseIdempotencyKey()', () => {
  it.each([
    ['"8e03978e-40d5-43e8-bc93-6894a57f9324"', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
    ['"with space"', 'with space'],
    [String.raw`"a\"b"`, 'a"b'],
    [String.raw`"a\\b"`, String.raw`a\b`],
    ['"!#[]~"', '!#[]~'],
    ['  "spaces around"  ', 'spaces around'],
  ])('reads the string %p (RFC 9651 §3.3.3)', (value, key) => {
    expect(keyOf(value)).toBe(key);
    expect(keyOf(value, false)).toBe(key);
  });

  it.each([
    '"a";p',
    '"a"; p=1; q=?0',
    '"a";p="b;c";q=token/x',
    '"a";p=:AQID:;q=-1.5;r=@1659578233',
    '"a";*p=%"f%c3%bc"',
  ])('ignores the parameters of %p (RFC 9651 §3.1.2)', (value) => {
    expect(keyOf(value)).toBe('a');
  });

  it.each([
    ['no end', '"a'],
    ['no start', 'a"'],
    ['more after the end', '"a"b'],
    ['an escape of something else', String.raw`"a\b"`],
    ['a control character', '"a\tb"'],
    ['DEL', '"a\u007fb"'],
    ['a character that is not ASCII', '"ä"'],
    ['single quotes around spaces', "'a b'"],
    ['two keys in one header', '"a", "b"'],
    ['two bare keys in one header', 'a, b'],
    ['a parameter without a name', '"a";'],
    ['a parameter in capitals', '"a";P=1'],
    ['a parameter with a broken value', '"a";p="b'],
    ['an inner list', '("a")'],
    ['nothing', ''],
    ['spaces', '   '],
  ])('refuses %s (RFC 9651 §4.2)', (_what, value) => {
    expect(parseIdempotencyKey(value, true)).toHaveProperty('problem');
  });

  it('takes a bare key for the same key, unless told not to', () => {
    expect(keyOf('8e03978e-40d5')).toBe(keyOf('"8e03978e-40d5"'));
    expect(keyOf('a+b/c=')).toBe('a+b/c=');
    expect(parseIdempotencyKey('abc', false)).toStrictEqual({ problem: 'the quotes are missing' });
  });

  it('takes 1 to 255 characters', () => {
    expect(keyOf(`"${'x'.repeat(255)}"`)).toHaveLength(255);
    expect(parseIdempotencyKey(`"${'x'.repeat(256)}"`, true)).toStrictEqual({ problem: 'it has 256 characters' });
    expect(parseIdempotencyKey('""', true)).toStrictEqual({ problem: 'it is empty' });
  });

  const long = 10_000_000;
  it.each([
    ['a quoted key', `"${'a'.repeat(long)}"`],
    ['a key that is not closed', `"${'a'.repeat(long)}`],
    ['escapes', `"${String.raw`\"`.repeat(long / 2)}"`],
    ['spaces', `a${' '.repeat(long)}b`],
    ['parameters', `"a"${';a="b'.repeat(long / 5)}`],
  ])('refuses %s of 10 MB without reading it', (_what, value) => {
    const startedAt = performance.now();
    expect(keyOf(value)).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(50);
  });
});
