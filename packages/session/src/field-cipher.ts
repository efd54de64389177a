// Encrypts what sessions hold: AES-256-GCM, one value at a time, so that commits stay per property. Each session has a key
// of its own, derived from the application's, so that random nonces never come near their limit (2^32 values per key, NIST
// SP 800-38D §8.3). The name of the property and the place of the session are authenticated with it: a value that was
// moved to another property or session does not open.
//
//   stored   "~1.<key id>.<base64url of nonce, ciphertext, tag>"     a JSON string, where the plain JSON would stand

import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /^"~1\.([\w-]{6})\.([\w-]+)"$/;

/** What is wrong with a value: no key that we have made it, or it was changed since. */
export type CipherFault = 'unreadable' | 'corrupt';

/** A value that was opened; `isOutdated` when a previous key had sealed it. */
export interface Opened {
  readonly json: string;
  readonly isOutdated: boolean;
}

/** Seals and opens values; `place` is where the session is in Redis. */
export interface FieldCipher {
  seal(place: string, name: string, json: string): string;
  open(place: string, name: string, stored: string): Opened | CipherFault;
}

/** Whether a stored value is one that a cipher made. */
export function isSealed(stored: string): boolean {
  return stored.startsWith('"~1.') && SEALED.test(stored);
}

/**
 * Gives a cipher that seals with the first key and opens with all.
 *
 * @param acceptsPlain whether values that were stored before there was a cipher are taken as they are
 */
export function createFieldCipher(keys: readonly string[], acceptsPlain: boolean): FieldCipher {
  const ring = keys.map((key) => {
    const master = Buffer.from(hkdfSync('sha256', key, '', 'sallyport session encryption', 32));
    // Says which key it is and nothing about it.
    const id = createHash('sha256').update('key id').update(master).digest('base64url').slice(0, 6);
    return { id, master, place: '', derived: master };
  });
  const [current] = ring;
  if (current === undefined) throw new TypeError('a cipher needs a key');

  /** The key of one session; kept for its next property. */
  function sessionKey(key: (typeof ring)[number], place: string): Buffer {
    if (key.place !== place)
      Object.assign(key, { place, derived: createHmac('sha256', key.master).update(place).digest() });
    return key.derived;
  }
  const context = (place: string, name: string) => Buffer.from(`${place}\0${name}`);

  return {
    seal(place, name, json) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, sessionKey(current, place), nonce);
      cipher.setAAD(context(place, name));
      const parts = [nonce, cipher.update(json, 'utf8'), cipher.final(), cipher.getAuthTag()];
      return `"~1.${current.id}.${Buffer.concat(parts).toString('base64url')}"`;
    },
    open(place, name, stored) {
      const [, id, text = ''] = stored.startsWith('"~1.') ? (SEALED.exec(stored) ?? []) : [];
      if (id === undefined) return acceptsPlain ? { json: stored, isOutdated: true } : 'unreadable';
      const key = ring.find((each) => each.id === id);
      if (key === undefined) return 'unreadable';
      const bytes = Buffer.from(text, 'base64url');
      if (bytes.length < NONCE_BYTES + TAG_BYTES) return 'corrupt';
      const end = bytes.length - TAG_BYTES;
      const decipher = createDecipheriv(ALGORITHM, sessionKey(key, place), bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(context(place, name));
      decipher.setAuthTag(bytes.subarray(end));
      const opened = decipher.update(bytes.subarray(NONCE_BYTES, end));
      try {
        return { json: Buffer.concat([opened, decipher.final()]).toString('utf8'), isOutdated: key !== current };
      } catch {
        // final() throws when the tag does not fit, and for no other reason.
        return 'corrupt';
      }
    },
  };
}
