// Session ids and what is derived from them. An id is a bucket of 2 characters, which chooses the Cluster slot, and 192
// bits from the system's random source. The bucket of a logged-in session comes from its user, so that the session and the
// user's index share a slot and change in one script; 12 bits tell nobody who the user is.
//
//   cookie  s:<id>.<signature>        known to the browser only
//   Redis   <prefix>{<bucket>}:<deviceId>          deviceId = SHA-256 of the first id, cut to 132 bits
//
//   first id    <bucket><secret>
//   custom id   <bucket>~<what the option genid gave>
//   later ids   <bucket><deviceId>~<generation>~<secret>      the session stays where it is; it holds the secret's hash

import { createHash, createHmac, randomBytes } from 'node:crypto';

const FIRST_ID = /^[\w-]{34}$|^[\w-]{2}~[\w.-]{22,128}$/;
const LATER_ID = /^([\w-]{2})([\w-]{22})~([1-9]\d{0,8})~([\w-]{32})$/;
const DEVICE_ID = /^[\w-]{22}$/;
const BUCKET_LENGTH = 2;
const SECRET_LENGTH = 32;

/** Where a session is in Redis. Neither part leads back to the session id. */
export interface SessionAddress {
  readonly bucket: string;
  /** The hash of the session's first id: names the session in lists, events and Redis keys. */
  readonly deviceId: string;
}

/** What a session id says: where the session is, and which of its ids this is. */
export interface PresentedId extends SessionAddress {
  /** 0 for the first id of a session, one more with each renewal. */
  readonly generation: number;
  /** The hash of the secret of a later id; '' for a first one, whose hash is the device id. */
  readonly proof: string;
}

/** Gives a new session id; in `bucket` when it will belong to a user, else in a random one. */
export function createSessionId(bucket?: string, custom?: string): string {
  const random = randomBytes(26).toString('base64url');
  const start = bucket ?? random.slice(0, BUCKET_LENGTH);
  return custom === undefined
    ? start + random.slice(BUCKET_LENGTH, BUCKET_LENGTH + SECRET_LENGTH)
    : `${start}~${custom}`;
}

/** Whether `value` may be a custom id: 22 characters hold at least 128 bits. */
export function isCustomId(value: unknown): value is string {
  return typeof value === 'string' && FIRST_ID.test(`xx~${value}`);
}

/**
 * Gives the id that follows `sessionId`. It can be found again by whoever has the present id and the secret, so that a
 * browser that missed the answer that brought it can be told once more.
 */
export function nextSessionId(
  sessionId: string,
  { bucket, deviceId, generation }: PresentedId,
  secret: string,
): string {
  const own = createHmac('sha256', secret)
    .update(`renewal of ${sessionId}`)
    .digest('base64url')
    .slice(0, SECRET_LENGTH);
  return `${bucket}${deviceId}~${generation + 1}~${own}`;
}

/** The bucket of all sessions of a user; depends on nothing that can be rotated. */
export function bucketOfUser(userId: string): string {
  return createHash('sha256').update(userId).digest('base64url').slice(0, BUCKET_LENGTH);
}

/** What a session id says, or `undefined` when this package did not make it. */
export function addressOf(sessionId: string): PresentedId | undefined {
  const bucket = sessionId.slice(0, BUCKET_LENGTH);
  if (FIRST_ID.test(sessionId)) return { bucket, deviceId: hash(sessionId), generation: 0, proof: '' };
  const [, , deviceId, generation, secret] = LATER_ID.exec(sessionId) ?? [];
  if (deviceId === undefined || secret === undefined) return undefined;
  return { bucket, deviceId, generation: Number(generation), proof: hash(secret) };
}

/** Every bucket there is. */
export function allBuckets(): string[] {
  // 12 bits are two characters of base64url.
  const number = (index: number) => Buffer.from([index >> 4, (index & 15) << 4]).toString('base64url');
  return Array.from({ length: 4096 }, (_, index) => number(index).slice(0, BUCKET_LENGTH));
}

/** Whether `value` has the form of a device id. */
export function isDeviceId(value: string): boolean {
  return DEVICE_ID.test(value);
}

/** 132 bits of the SHA-256. */
function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
