import { describe, expect, it } from '@jest/globals';
import { compareFields, decodeRecord, encodeFields } from '../src/session-record.js';

describe('encodeFields()', () => {
  it('gives the JSON of each property but the cookie, and leaves out what JSON leaves out', () => {
    const session = { cookie: {}, a: 1, b: { c: [null] }, d: undefined, e: () => 1 };
    expect([...encodeFields(session)]).toStrictEqual([
      ['a', '1'],
      ['b', '{"c":[null]}'],
    ]);
  });

  it('throws ERR_SESSION_DATA that names the property without JSON form', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(() => encodeFields({ cycle })).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_DATA', property: 'cycle' }),
    );
    expect(() => encodeFields({ big: 1n })).toThrow(expect.objectContaining({ property: 'big', status: 500 }));
  });
});

describe('compareFields()', () => {
  const stored = new Map([
    ['a', '1'],
    ['b', '2'],
  ]);

  it('gives what was set and what was removed', () => {
    expect(
      compareFields(
        stored,
        new Map([
          ['a', '1'],
          ['c', '3'],
        ]),
      ),
    ).toStrictEqual({ set: ['.c', '3'], removed: ['.b'] });
  });

  it('gives nothing for equal fields, whatever their order', () => {
    expect(compareFields(stored, new Map([...stored].toReversed()))).toBeUndefined();
  });
});

describe('decodeRecord()', () => {
  const read = { leftMs: 5, idAgeMs: 0, isGrace: false };

  it('reads user and properties', () => {
    const record = decodeRecord(read, ['u', 'ann', 'c', '1', '.theme', '"dark"']);
    expect(record).toMatchObject({ userId: 'ann', leftMs: 5, data: { theme: 'dark' } });
    expect([...(record?.fields ?? [])]).toStrictEqual([['theme', '"dark"']]);
  });

  it('gives nothing when a property is not JSON', () => {
    expect(decodeRecord(read, ['.theme', 'dark'])).toBeUndefined();
  });

  it('makes a stored __proto__ a property like others', () => {
    const { data = {} } = decodeRecord(read, ['.__proto__', '{"isAdmin":true}']) ?? {};
    expect(Object.getPrototypeOf(data)).toBeNull();
    expect(Reflect.get(data, 'isAdmin')).toBeUndefined();
  });
});
