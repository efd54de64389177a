// Session ids and what is derived from them. An id is `<bucket><secret>`: 2 characters that choose the Cluster slot and 32
// characters (192 bits) from the system's random source. The bucket of a logged-in session comes from its user, so that
// the session and the user's index share a slot and change in one script; 12 bits tell nobody who the user is.
//
//   cookie  s:<id>.<signature>        id = bucket + secret, known to the browser only
//   Redis   <prefix>{<bucket>}:<deviceId>          deviceId = SHA-256(id), cut to 132 bits

import { createHash, randomBytes } from 'node:crypto';

const SESSION_ID = /^[\w-]{34}$/;
const DEVICE_ID = /^[\w-]{22}$/;
const BUCKET_LENGTH = 2;
const DEVICE_ID_LENGTH = 22;

/** Where a session is in Redis. Neither part leads back to the session id. */
export interface SessionAddress {
  readonly bucket: string;
  /** The hash of the session id: names the session in lists, events and Redis keys. */
  readonly deviceId: string;
}

/** Gives a new session id; in `bucket` when it will belong to a user, else in a random one. */
export function createSessionId(bucket?: string): string {
  const random = randomBytes(26).toString('base64url');
  const secret = random.slice(BUCKET_LENGTH, BUCKET_LENGTH + 32);
  return (bucket ?? random.slice(0, BUCKET_LENGTH)) + secret;
}

/** The bucket of all sessions of a user; depends on nothing that can be rotated. */
export function bucketOfUser(userId: string): string {
  return createHash('sha256').update(userId).digest('base64url').slice(0, BUCKET_LENGTH);
}

/** The address of a session, or `undefined` when this package did not make the id. */
export function addressOf(sessionId: string): SessionAddress | undefined {
  if (!SESSION_ID.test(sessionId)) return undefined;
  const deviceId = createHash('sha256').update(sessionId).digest('base64url').slice(0, DEVICE_ID_LENGTH);
  return { bucket: sessionId.slice(0, BUCKET_LENGTH), deviceId };
}

/** Whether `value` has the form of a device id. */
export function isDeviceId(value: string): boolean {
  return DEVICE_ID.test(value);
}
