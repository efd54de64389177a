/** What a cache reports to `onEvent` and to the diagnostics channel `sallyport:cache`. */
export type CacheEvent =
  /** Answered from Redis, or from memory. */
  | { readonly type: 'hit'; readonly key: string }
  /** Another process loads the value; this one waits for it. */
  | { readonly type: 'wait'; readonly key: string }
  /** Not in Redis, or purged: the loader runs. */
  | { readonly type: 'miss'; readonly key: string }
  /** The caller has the value; it is loaded anew in the background. */
  | { readonly type: 'refresh'; readonly key: string }
  /** A value past its freshness was given: the loader failed or is slow, or `swrMs` allows it. */
  | { readonly type: 'stale'; readonly key: string }
  /** The loader threw or took too long. */
  | { readonly type: 'load-failed'; readonly key: string; readonly error: unknown }
  /** The value was loaded but not stored: purged meanwhile, larger than `maxValueBytes`, its TTL is 0, or `doNotStore()`. */
  | {
      readonly type: 'not-stored';
      readonly key: string;
      readonly reason: 'overtaken' | 'too-large' | 'ttl-zero' | 'by-loader';
    }
  /** What stood in Redis was no record of this cache; it counts as a miss and is written anew. */
  | { readonly type: 'corrupt'; readonly key: string }
  /** Values are kept in memory from now on, or not any more. `error`: Redis refuses to tell of changes, so for a second at most. */
  | { readonly type: 'l1'; readonly isArmed: boolean; readonly error?: Error }
  /** Redis could not be asked or told. */
  | {
      readonly type: 'store-failure';
      readonly operation: 'read' | 'write';
      readonly key: string;
      readonly error: Error;
    };
