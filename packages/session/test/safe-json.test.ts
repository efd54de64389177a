import { describe, expect, it } from '@jest/globals';
import { assert, json, property } from 'fast-check';
import { parseJson } from '../src/safe-json.js';
import { decodeRecord } from '../src/session-record.js';

describe('parseJson()', () => {
  it.each([
    ['{"__proto__":{"polluted":1},"a":1}', { a: 1 }],
    ['{"a":[{"__proto__":{"polluted":1}}]}', { a: [{}] }],
    [String.raw`{"\u005f_proto__":{"polluted":1}}`, {}],
    [String.raw`{"\u005f\u005fproto\u005F\u005f":{"polluted":1}}`, {}],
    [String.raw`{"__\u0070roto__":{"polluted":1}}`, {}],
    [String.raw`{"__pr\u006Fto__":{"polluted":1}}`, {}],
    [String.raw`{"__pro\u0074o__":{"polluted":1}}`, {}],
    [String.raw`{"__p\u0072oto__":{"polluted":1}}`, {}],
    ['{"a":"__proto__"}', { a: '__proto__' }],
  ])('leaves __proto__ out of %s', (text, expected) => {
    const value = parseJson(text);
    expect(value).toStrictEqual(expected);
    expect(Object.keys(value as object)).not.toContain('__proto__');
    // What is left can be copied with assignments.
    const copy: Record<string, unknown> = {};
    for (const [name, each] of Object.entries(value as object)) copy[name] = each;
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  });

  it('is what sessions are read with', () => {
    const read = { leftMs: 1, idAgeMs: 1, isGrace: false };
    const record = decodeRecord(read, ['c', '1', '.a', '{"b":[{"__proto__":{"polluted":1}}]}', '.__proto__', '1']);
    expect(JSON.stringify(record?.data)).toBe('{"a":{"b":[{}]},"__proto__":1}');
    expect(Reflect.getPrototypeOf(record?.data ?? {})).toBeNull();
  });

  it('is JSON.parse for everything else', () => {
    assert(
      property(json(), (text) => {
        if (!text.includes('__proto__')) expect(parseJson(text)).toStrictEqual(JSON.parse(text));
      }),
    );
    expect(() => parseJson('{oops')).toThrow(SyntaxError);
  });
});
