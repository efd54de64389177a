import { describe, expect, it } from '@jest/globals';
import { assert, property, string } from 'fast-check';
import { createKeyspace } from '../src/keyspace.js';

const keyspace = createKeyspace('cache:', 'shop');

describe('createKeyspace()', () => {
  it('puts what belongs to a key into its slot and the versions of the namespace into another', () => {
    expect(keyspace.part('product:7', '')).toBe('cache:shop:{product:7}');
    expect(keyspace.part('product:7', 'fresh')).toBe('cache:shop:{product:7}:fresh');
    expect(keyspace.fence('product:7')).toBe('cache:shop:{product:7}:~:fence');
    expect(keyspace.generation).toBe('cache:shop:{~}:generation');
    expect(keyspace.tag('red')).toBe('cache:shop:{~}:tag:red');
  });

  it('keeps what is its own out of the reach of any key, part or tag', () => {
    const own = [keyspace.generation, keyspace.purges, keyspace.tag('tag'), keyspace.fence('key')];
    for (const name of ['~', 'tags', 'generation', 'tag:tag', '~:fence', 'fence', '', '%', '%7e']) {
      expect(own).not.toContain(keyspace.part(name, ''));
      for (const part of ['~', 'fence', '~:fence', 'generation', 'tag', 'purges', 'tag:tag']) {
        expect(own).not.toContain(keyspace.part(name, part));
        expect(own).not.toContain(keyspace.part('key', part));
      }
    }
    expect(keyspace.lease('key')).not.toBe(keyspace.done('key', 'lease'));
  });

  it('gives no two different things the same place', () => {
    assert(
      property(string({ unit: 'binary' }), string({ unit: 'binary' }), (one, other) => {
        const places = [keyspace.part(one, ''), keyspace.fence(one), keyspace.tag(one), keyspace.generation];
        expect(new Set(places).size).toBe(4);
        if (one !== other) expect(places).not.toContain(keyspace.part(other, ''));
      }),
    );
  });

  it('lets no key leave its namespace or choose its slot', () => {
    for (const key of ['}:x{', 'a}', '{b}', '\r\n', '../', 'x'.repeat(5_000)]) {
      expect(keyspace.part(key, '')).toMatch(/^cache:shop:\{[^{}\s]{1,200}\}$/);
    }
  });
});
