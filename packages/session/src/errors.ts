import { CoreError } from '@sallyport/core';

/** Thrown when a session was ended (log-out, revocation, log-in elsewhere, expiry) before this request could write to it. */
export class SessionGoneError extends CoreError {
  constructor() {
    super('ERR_SESSION_GONE', 'The session ended while the request was being handled; its changes are not saved', {
      status: 409,
    });
  }
}

/** Thrown by `update()` when others wrote to the session each time before it could; nothing was written. */
export class SessionConflictError extends CoreError {
  constructor(attempts: number) {
    super('ERR_SESSION_CONFLICT', `The session changed ${attempts} times while it was being updated`, { status: 409 });
  }
}

/** Thrown when the option `genid` gave no safe id: too short, of the wrong characters, or one that is in use. */
export class SessionIdError extends CoreError {
  constructor(reason: string) {
    super('ERR_SESSION_ID', `genid gave ${reason}`, { status: 500 });
  }
}

/** Thrown by `logIn()` when the user has `maxDeviceCount` sessions and the policy is to refuse; nobody is logged in. */
export class DeviceLimitError extends CoreError {
  constructor(maxCount: number) {
    super('ERR_SESSION_DEVICE_LIMIT', `The user is logged in on ${maxCount} devices already`, { status: 403 });
  }
}

/** Thrown when a property of `req.session` has no JSON form; nothing is saved. */
export class SessionDataError extends CoreError {
  /** Name of the property. */
  readonly property: string;

  constructor(property: string, cause: unknown) {
    super('ERR_SESSION_DATA', `\`req.session.${property}\` cannot be stored as JSON`, { cause, status: 500 });
    this.property = property;
  }
}

/** Thrown when a session would be larger than `maxBytes`; nothing is saved, what was there stays. */
export class SessionTooLargeError extends CoreError {
  /** Size that it would have, in bytes of JSON. */
  readonly bytes: number;

  constructor(bytes: number, maxBytes: number) {
    const advice = 'Keep ids in the session and the data in your database, or raise `maxBytes`';
    super('ERR_SESSION_TOO_LARGE', `The session has ${bytes} bytes, more than ${maxBytes}. ${advice}`, { status: 500 });
    this.bytes = bytes;
  }
}

/** Thrown by `reload()` when a session is encrypted and no key of the ring has encrypted it; requests are anonymous. */
export class SessionUnreadableError extends CoreError {
  constructor() {
    const advice = 'add the key that was used before to `encryption.keys`';
    super('ERR_SESSION_UNREADABLE', `The session was encrypted with a key that is not known: ${advice}`, {
      status: 500,
    });
  }
}

/** Thrown by the handle's methods when `sessions.middleware` did not run before, or not for this path. */
export class SessionMissingError extends CoreError {
  constructor() {
    super('ERR_SESSION_MISSING', 'The request has no session: mount `sessions.middleware` before this handler');
  }
}

/** Thrown when an operation needs a logged-in session and `logIn()` was never called in this one. */
export class NotLoggedInError extends CoreError {
  constructor() {
    super('ERR_SESSION_NOT_LOGGED_IN', 'The session belongs to no user', { status: 401 });
  }
}

/** Thrown when a user id is not a string of 1 to 512 characters, or `req.session.userId` is assigned. */
export class UserIdError extends CoreError {
  constructor(message: string) {
    super('ERR_SESSION_USER_ID', message);
  }
}

/** Why the browser cannot be given a session cookie. */
export type CookieObstacle = 'insecure' | 'headers-sent';

const OBSTACLES: Record<CookieObstacle, string> = {
  insecure:
    'a Secure cookie cannot be sent over plain HTTP. Behind a proxy that ends TLS, tell Express so: ' +
    "app.set('trust proxy', 1). Without TLS anywhere, set cookie.secure to false",
  'headers-sent': 'the response has begun. Log in before the first byte is written',
};

/** Thrown by `logIn()` when the response can carry no cookie; nobody is logged in. */
export class SessionCookieError extends CoreError {
  readonly obstacle: CookieObstacle;

  constructor(obstacle: CookieObstacle) {
    super('ERR_SESSION_COOKIE', `The session cookie cannot be set: ${OBSTACLES[obstacle]}`, { status: 500 });
    this.obstacle = obstacle;
  }
}
