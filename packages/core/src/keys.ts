// Key layout shared by all packages: `<prefix>{<id>}` or `<prefix>{<id>}:<part>…`. The id is the Cluster hash tag, so all
// keys of one id share a slot. Ids come from users: they are encoded so that they can neither close the tag (which would
// let a client choose its slot), nor collide with another id, nor grow without bound.

import { createHash } from 'node:crypto';
import { masterClients, type RedisClient } from './redis-client.js';

const MAX_PLAIN_LENGTH = 200;
const SAFE = /^[\w.:@/+=,;!$&'()*-][\w.:@/+=,;!$&'()*~-]*$/;
const UNSAFE_BYTE = /[^\w.:@/+=,;!$&'()*~-]/g;

/**
 * Encodes an id or a part for use in a key. Injective: different inputs give different outputs. Printable ids stay
 * readable, other bytes become `%XX`, and anything longer than 200 bytes becomes `~` and its SHA-256.
 */
export function encodeKeyPart(value: string): string {
  if (value.length <= MAX_PLAIN_LENGTH && SAFE.test(value)) return value;
  // A lone surrogate has no UTF-8 form; two different ones would collapse into U+FFFD, so such strings are hashed as is.
  if (!value.isWellFormed()) return `~~${createHash('sha256').update(value, 'utf16le').digest('base64url')}`;
  // One character per UTF-8 byte.
  const bytes = Buffer.from(value.slice(0, MAX_PLAIN_LENGTH + 1)).toString('latin1');
  let encoded = bytes.replace(UNSAFE_BYTE, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
  // `~` first marks a hash, and an empty tag `{}` is no tag at all in Redis Cluster: both get an escape of their own.
  if (encoded === '') return '%';
  if (encoded.startsWith('~')) encoded = `%7e${encoded.slice(1)}`;
  if (value.length <= MAX_PLAIN_LENGTH && encoded.length <= MAX_PLAIN_LENGTH) return encoded;
  return `~${createHash('sha256').update(value).digest('base64url')}`;
}

/**
 * Builds a key whose hash tag is `id`; `parts` follow it, each encoded, joined by `:`.
 *
 * @example
 * buildKey('session:', 'ab12') // 'session:{ab12}'
 * buildKey('lock:', 'stock/7', 'queue') // 'lock:{stock/7}:queue'
 */
export function buildKey(prefix: string, id: string, ...parts: string[]): string {
  let key = `${prefix}{${encodeKeyPart(id)}}`;
  // `:` separates parts: inside of one it would make `a:b` out of both ['a', 'b'] and ['a:b'].
  for (const part of parts) key += `:${encodeKeyPart(part).replaceAll(':', '%3a')}`;
  return key;
}

/**
 * Removes every key of the layout above under `prefix` by SCAN and UNLINK, on all masters of a Cluster; for
 * administration, never on a request's path. Keys under a longer prefix (`shop:cart:` beside `shop:`) stay.
 *
 * @returns the number of keys removed
 */
export async function clearPrefix(redis: RedisClient, prefix: string): Promise<number> {
  const keyPrefix = redis.options.keyPrefix ?? '';
  // SCAN neither adds the client's keyPrefix to the pattern nor strips it from the keys it returns.
  const pattern = `${(keyPrefix + prefix).replace(/[\\*?[\]]/g, '\\$&')}{*`;
  let removed = 0;
  for (const node of masterClients(redis)) {
    let cursor = '0';
    do {
      const [next, keys] = (await node.call('scan', cursor, 'MATCH', pattern, 'COUNT', 500)) as [string, string[]];
      cursor = next;
      // One UNLINK per key: the keys of one SCAN page lie in different slots of a Cluster.
      const unlinked = keys.map((key) => redis.call('unlink', key.slice(keyPrefix.length)));
      for (const count of await Promise.all(unlinked)) removed += Number(count);
    } while (cursor !== '0');
  }
  return removed;
}
