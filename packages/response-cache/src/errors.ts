import { CoreError } from '@sallyport/core';
import { inspect } from 'node:util';

/** Thrown when `key`, `user` or `tags` gives something that it must not give; handed to `next`. */
export class CallbackResultError extends CoreError {
  constructor(option: 'key' | 'user' | 'tags', expected: string, result: unknown) {
    const shown = inspect(result, { depth: 0, maxStringLength: 60 });
    super('ERR_RESPONSE_CACHE_RESULT', `@sallyport/response-cache: \`${option}\` must give ${expected}, gave ${shown}`);
  }
}

/** Thrown by `invalidate(url)` when the keys are made by the `key` option: `delete(key)` is meant. */
export class CustomKeyError extends CoreError {
  constructor() {
    const message = '@sallyport/response-cache: URLs cannot be invalidated when `key` makes the keys; use delete(key)';
    super('ERR_RESPONSE_CACHE_CUSTOM_KEY', message);
  }
}
