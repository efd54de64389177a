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
  SessionUnreadableError,
  UserIdError,
  type CookieObstacle,
} from './errors.js';
export type { SessionEvent, SessionOperation } from './events.js';
export type { BindingOptions, BindingPolicy } from './binding.js';
export type { EncryptionOptions } from './encryption-options.js';
export type { FreshOptions, GuardReason } from './guards.js';
export type { MigrationOptions } from './migration-options.js';
export type { SessionSettings } from './session-settings.js';
export type { SessionOf } from './express-augmentation.js';
export type { DeviceLimitPolicy, GonePolicy, SessionsOptions, StoreFailurePolicy } from './options.js';
export type { LogInOptions, Sessions } from './sessions.js';
export type { SessionStats } from './stats.js';
export type { SessionWatch } from './watch.js';
