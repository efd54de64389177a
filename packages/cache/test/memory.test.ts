import { describe, expect, it } from '@jest/globals';
import { createKeyspace } from '../src/keyspace.js';
import { createMemory } from '../src/memory.js';

const keyspace = createKeyspace('p:', 'ns');

/** Memory that is armed; its clock is that of `performance`. */
function armedMemory(limits: { maxBytes?: number; maxEntries?: number } = {}) {
  const memory = createMemory(keyspace, 'client:', { maxBytes: 100_000, maxEntries: 100, ...limits });
  memory.onArmed(0);
  const put = (key: string, tags: string[] = [], bytes = 10) => {
    const freshUntilMs = performance.now() + 60_000;
    memory.end(memory.begin(key), key, { value: key, tags, bytes, freshUntilMs });
  };
  return { memory, put };
}

describe('createMemory()', () => {
  it('stays within its number of entries, and lets go what was not used first', () => {
    const { memory, put } = armedMemory({ maxEntries: 3 });
    for (const key of ['a', 'b', 'c']) put(key);
    memory.find('a');
    put('d');
    expect(['a', 'b', 'c', 'd'].filter((key) => memory.find(key) !== undefined)).toStrictEqual(['a', 'c', 'd']);
  });

  it('stays within its bytes, and keeps large values out', () => {
    const { memory, put } = armedMemory({ maxBytes: 16_000 });
    for (let index = 0; index < 100; index += 1) put(`key-${index}`, [], 1_000);
    put('large', [], 15_000);
    expect(memory.find('large')).toBeUndefined();
    expect(memory.size.bytes).toBeLessThanOrEqual(16_000);
    expect(memory.size.entries).toBe(12);
  });

  it.each([
    ['its value', 'client:p:ns:{key}'],
    ['its mark of freshness', 'client:p:ns:{key}:fresh'],
    ['a tag of it', 'client:p:ns:{~}:tag:red'],
    ['the generation', 'client:p:ns:{~}:generation'],
  ])('drops an entry, and refuses the read of it that is under way, when this changes: %s', (_name, redisKey) => {
    const { memory, put } = armedMemory();
    put('key', ['red']);
    const token = memory.begin('key');
    memory.onKey(redisKey);
    expect(memory.find('key')).toBeUndefined();
    memory.end(token, 'key', { value: 'old', tags: ['red'], bytes: 1, freshUntilMs: performance.now() + 60_000 });
    expect(memory.find('key')).toBeUndefined();
    expect(memory.size).toStrictEqual({ entries: 0, bytes: 0, isArmed: true });
  });

  it.each(['client:p:ns:{key}:~:fence', 'client:p:ns:{other}', 'client:p:ns:{~}:tag:blue', 'elsewhere'])(
    'keeps an entry when this changes: %s',
    (redisKey) => {
      const { memory, put } = armedMemory();
      put('key', ['red']);
      memory.onKey(redisKey);
      expect(memory.find('key')).toMatchObject({ value: 'key' });
    },
  );

  it('keeps nothing that was read before it was armed, and is empty while it is not', () => {
    const { memory, put } = armedMemory();
    put('key');
    memory.onDown();
    expect(memory.find('key')).toBeUndefined();
    const token = memory.begin('key');
    memory.onArmed(0);
    memory.end(token, 'key', { value: 'old', tags: [], bytes: 1, freshUntilMs: performance.now() + 60_000 });
    expect(memory.find('key')).toBeUndefined();
  });
});
