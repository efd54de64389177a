import { createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { assert, json as anyJson, property, string } from 'fast-check';
import { createFieldCipher, isSealed } from '../src/field-cipher.js';

const KEYS = ['the current key, of more than 32 bytes', 'the previous key, of more than 32 bytes'] as const;
const place = 'session:{ab}:device';

describe('createFieldCipher()', () => {
  const cipher = createFieldCipher(KEYS, false);

  it('opens what it sealed, whatever it is, and shows none of it', () => {
    assert(
      property(anyJson(), string(), (json, name) => {
        const sealed = cipher.seal(place, name, json);
        expect(JSON.parse(sealed)).toMatch(/^~1\.[\w-]{6}\.[\w-]+$/);
        expect(isSealed(sealed)).toBe(true);
        expect(cipher.open(place, name, sealed)).toStrictEqual({ json, isOutdated: false });
      }),
    );
    expect(cipher.seal(place, 'a', '"marzipan"')).not.toBe(cipher.seal(place, 'a', '"marzipan"'));
  });

  it('is AES-256-GCM with a key of the session’s own: HKDF-SHA256 of the key, HMAC of the place', () => {
    const master = Buffer.from(hkdfSync('sha256', KEYS[0], '', 'sallyport session encryption', 32));
    const [, , text = ''] = (JSON.parse(cipher.seal(place, '.cart', '["apples"]')) as string).split('.');
    const bytes = Buffer.from(text, 'base64url');
    const key = createHmac('sha256', master).update(place).digest();
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
    decipher.setAAD(Buffer.from(`${place}\0.cart`)).setAuthTag(bytes.subarray(-16));
    expect(`${decipher.update(bytes.subarray(12, -16), undefined, 'utf8')}${decipher.final('utf8')}`).toBe(
      '["apples"]',
    );
  });

  it('refuses a value that was moved to another property or session', () => {
    const sealed = cipher.seal(place, '.role', '"admin"');
    expect(cipher.open(place, '.name', sealed)).toBe('corrupt');
    expect(cipher.open('session:{ab}:other', '.role', sealed)).toBe('corrupt');
    // Place and name are kept apart: `x` + `.y` is not `x.` + `y`.
    expect(cipher.open(`${place}.`, 'role', sealed)).toBe('corrupt');
  });

  it('refuses a value of which any byte was changed, or which was cut, and throws for none', () => {
    const sealed = cipher.seal(place, '.role', '"user"');
    const start = sealed.lastIndexOf('.') + 1;
    for (let at = start; at < sealed.length - 1; at += 1) {
      const bytes = Buffer.from(sealed.slice(start, -1), 'base64url');
      const index = Math.min(bytes.length - 1, Math.floor(((at - start) * 3) / 4));
      bytes[index] = (bytes[index] ?? 0) ^ 1;
      expect(cipher.open(place, '.role', `${sealed.slice(0, start)}${bytes.toString('base64url')}"`)).toBe('corrupt');
      expect(cipher.open(place, '.role', `${sealed.slice(0, at)}"`)).toMatch(/^(?:corrupt|unreadable)$/);
    }
    assert(
      property(string(), (text) => {
        expect(cipher.open(place, '.role', text)).toBe('unreadable');
        expect(
          cipher.open(place, '.role', `${sealed.slice(0, start)}${Buffer.from(text).toString('base64url')}"`),
        ).toMatch(/^(?:corrupt|unreadable)$/);
      }),
    );
  });

  it('opens with a previous key, and says so; not with another one', () => {
    const before = createFieldCipher([KEYS[1]], false).seal(place, 'a', '1');
    expect(cipher.open(place, 'a', before)).toStrictEqual({ json: '1', isOutdated: true });
    expect(createFieldCipher([KEYS[0]], false).open(place, 'a', before)).toBe('unreadable');
  });

  it('takes plain values where it is told to, and only there', () => {
    expect(cipher.open(place, 'a', '"plain"')).toBe('unreadable');
    expect(createFieldCipher(KEYS, true).open(place, 'a', '"plain"')).toStrictEqual({
      json: '"plain"',
      isOutdated: true,
    });
  });

  it('adds 50 bytes and a third to a value', () => {
    for (const length of [0, 100, 1000]) {
      const extra = cipher.seal(place, 'a', 'x'.repeat(length)).length - Math.ceil((length * 4) / 3);
      expect(extra).toBeLessThanOrEqual(52);
    }
  });
});
