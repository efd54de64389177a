/**
 * Passwords as salted scrypt hashes. The work happens in libuv's thread pool, so a log-in does not stop other requests.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

const KEY_BYTES = 32;
// 16 MiB and some 50 ms per guess: the parameters that Node and OWASP name as a minimum for interactive log-in.
const COST = { N: 16_384, r: 8, p: 1 };

/** `scrypt$<salt>$<key>`, both in base64url. */
export async function hashPassword(password: string, salt: Buffer = randomBytes(16)): Promise<string> {
  const key = await derive(password, salt);
  return `scrypt$${salt.toString('base64url')}$${key.toString('base64url')}`;
}

/**
 * Whether the password is the one that was hashed.
 *
 * @param hash `undefined` when there is no such account: the same work is done, so that the time of the answer does
 *   not tell which e-mail addresses have one.
 */
export async function isPasswordRight(password: string, hash: string | undefined): Promise<boolean> {
  const [, salt = '', key = ''] = (hash ?? '').split('$');
  const derived = await derive(password, Buffer.from(salt, 'base64url'));
  const expected = Buffer.from(key, 'base64url');
  return expected.length === derived.length && timingSafeEqual(expected, derived);
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, KEY_BYTES, COST, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
