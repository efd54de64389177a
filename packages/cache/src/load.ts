import { LoadTimeoutError } from './errors.js';
import { checkDuration, checkTags } from './options.js';

/** What a loader is told, and what it may say of its result; it may say so until it returns. */
export interface LoadContext {
  readonly key: string;
  /** Aborted when `loadTimeoutMs` is over. */
  readonly signal: AbortSignal;
  /** Says how long the value is fresh, in milliseconds, in place of the option. 0: not stored. */
  readonly setTtlMs: (ttlMs: number) => void;
  /** Adds tags that only the loader knows. */
  readonly addTags: (tags: readonly string[]) => void;
  /** The value is given to those who wait for it, and to nobody after them. */
  readonly doNotStore: () => void;
}

/** Gives the value of a key from where it comes from. */
export type Loader<T> = (context: LoadContext) => T | Promise<T>;

/** What a loader said of its result. */
export interface LoaderSays {
  readonly ttlMs: number | undefined;
  readonly tags: readonly string[];
  readonly isStored: boolean;
}

/** What `set` says: nothing. */
export const SAYS_NOTHING: LoaderSays = { ttlMs: undefined, tags: [], isStored: true };

/**
 * Runs the loader under a time limit. One that goes on after it is no longer listened to.
 *
 * @throws {LoadTimeoutError} when time is over, and whatever the loader throws
 */
export async function load<T>(
  loader: Loader<T>,
  key: string,
  timeoutMs: number,
): Promise<{ value: T; says: LoaderSays }> {
  const abort = new AbortController();
  const says: { -readonly [Name in keyof LoaderSays]: LoaderSays[Name] } = { ...SAYS_NOTHING };
  const context: LoadContext = {
    key,
    signal: abort.signal,
    setTtlMs: (ttlMs) => void (says.ttlMs = checkDuration(ttlMs)),
    addTags: (tags) => void (says.tags = checkTags([...says.tags, ...tags])),
    doNotStore: () => void (says.isStored = false),
  };
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new LoadTimeoutError(key, timeoutMs);
      reject(error);
      abort.abort(error);
    }, timeoutMs);
  });
  try {
    const value = await Promise.race([loader(context), timeout]);
    return { value, says: { ...says } };
  } finally {
    clearTimeout(timer);
  }
}
