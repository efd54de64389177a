// Who an attempt to get a lock is. The random part is the proof of ownership: it goes to Redis and nowhere else.

import { randomBytes } from 'node:crypto';

/** Gives a new owner: how many leases it tolerates, the process that waits for it, and 128 random bits. */
export function newOwner(limit: number, processId: string): string {
  return `${limit}:${processId}:${randomBytes(16).toString('base64url')}`;
}

/** Gives a name for this process and client, by which it is called. */
export function newProcessId(): string {
  return randomBytes(9).toString('base64url');
}
