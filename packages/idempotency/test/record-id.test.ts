import { describe, expect, it } from '@jest/globals';
import { recordId, splitUrl } from '../src/record-id.js';

const base = { scope: 'ann', method: 'POST', path: '/orders', key: 'a' };

describe('recordId()', () => {
  it('differs as soon as one part does, also when parts run into each other', () => {
    const { scope: _scope, ...unscoped } = base;
    const ids = [
      base,
      unscoped,
      { ...base, scope: 'public' },
      { ...base, scope: 'eve' },
      { ...base, method: 'PATCH' },
      { ...base, path: '/order', key: 'sa' },
      { ...base, key: 'a"' },
    ].map(recordId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is a digest of fixed length', () => {
    expect(recordId({ ...base, key: 'x'.repeat(255) })).toMatch(/^[\w-]{43}$/);
  });
});

describe('splitUrl()', () => {
  it('cuts at the first question mark', () => {
    expect(splitUrl('/a?b=1?c')).toStrictEqual({ path: '/a', query: '?b=1?c' });
    expect(splitUrl('/a')).toStrictEqual({ path: '/a', query: '' });
  });
});
