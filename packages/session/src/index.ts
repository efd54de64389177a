export { createSessions } from './create-sessions.js';
export type { CookieOptions } from './cookie.js';
export { deviceLabel } from './device-label.js';
export type { Device } from './devices.js';
export {
  DeviceLimitError,
  NotLoggedInError,
  SessionConflictError,
  SessionCookieError,
  SessionDataError,
  SessionGoneError,
  SessionIdError,
  SessionMissingError,
  SessionTooLargeError,
  UserIdError,
  type CookieObstacle,
} from './errors.js';
export type { FreshOptions, GuardReason } from './guards.js';
export type { BindingOptions, BindingPolicy } from './binding.js';
export type { SessionSettings } from './session-settings.js';
export type { SessionEvent, SessionOperation } from './events.js';
export type { SessionOf } from './express-augmentation.js';
export type { DeviceLimitPolicy, GonePolicy, SessionsOptions, StoreFailurePolicy } from './options.js';
export type { LogInOptions, Sessions } from './sessions.js';
export type { SessionStats } from './stats.js';
export type { SessionWatch } from './watch.js';
