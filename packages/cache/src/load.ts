import { LoadTimeoutError } from './errors.js';

/** Gives the value of a key from where it comes from; `signal` is aborted when `loadTimeoutMs` is over. */
export type Loader<T> = (context: { readonly key: string; readonly signal: AbortSignal }) => T | Promise<T>;

/**
 * Runs the loader under a time limit. One that goes on after it is no longer listened to.
 *
 * @throws {LoadTimeoutError} when time is over, and whatever the loader throws
 */
export async function load<T>(loader: Loader<T>, key: string, timeoutMs: number): Promise<T> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new LoadTimeoutError(key, timeoutMs);
      reject(error);
      abort.abort(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([loader({ key, signal: abort.signal }), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
