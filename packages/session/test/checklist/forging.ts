// What an attacker who knows the secret could send.

import { createHmac } from 'node:crypto';
import type { Shop } from './line.js';

/** The value of a session cookie for `id`, signed as express-session does. */
export function signedValue(id: string, secret: string): string {
  const signature = createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '');
  return `s%3A${encodeURIComponent(`${id}.${signature}`)}`;
}

/** The cookie for `id` at a shop on plain HTTP. */
export function signedCookie(shop: Shop, id: string, secret: string): string {
  // Only plain express-session has no events of its own.
  return `${shop.prefix.startsWith('plain') ? 'connect.sid' : 'sid'}=${signedValue(id, secret)}`;
}
