// The tag that all copies of a URL carry when each user has one: only by it can a purge reach the copies of all users.

import { createHash } from 'node:crypto';

const MAX_LENGTH = 120;

/** @param key of the URL, without the user */
export function urlTag(key: string): string {
  // The tag stands in every copy and in the name of a key in Redis.
  return `url ${key.length > MAX_LENGTH ? createHash('sha256').update(key).digest('base64url') : key}`;
}
