import { CoreError } from '@sallyport/core';
import { inspect } from 'node:util';

/** Thrown when the `key` option gives something other than a string that is not empty; the request is not admitted. */
export class RateLimitKeyError extends CoreError {
  constructor(value: unknown) {
    const shown = inspect(value, { depth: 0, maxStringLength: 60 });
    super('ERR_RATE_LIMIT_KEY', `@sallyport/rate-limit: \`key\` must give a string that is not empty, got ${shown}`, {
      status: 500,
    });
  }
}
