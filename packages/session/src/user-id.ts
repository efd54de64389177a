import { UserIdError } from './errors.js';

/** @throws {UserIdError} when `userId` cannot name a user */
export function checkUserId(userId: unknown): asserts userId is string {
  if (typeof userId !== 'string') throw new UserIdError(`A user id must be a string, got ${typeof userId}`);
  if (userId.length < 1 || userId.length > 512 || !userId.isWellFormed()) {
    throw new UserIdError(`A user id must have 1 to 512 characters of well-formed text, got ${userId.length}`);
  }
}
