/** Why a response of the handler was not stored. */
export type NotStoredReason =
  | 'status'
  | 'no-store'
  | 'private'
  | 'no-cache'
  | 'not-fresh'
  | 'set-cookie'
  | 'personal'
  | 'vary'
  | 'range'
  | 'event-stream'
  | 'trailers'
  | 'too-large'
  | 'truncated'
  | 'overtaken';

/** What a response cache reports to `onEvent` and to the diagnostics channel `sallyport:response-cache`. */
export type ResponseCacheEvent =
  /** Answered from Redis; `status` is 304 when the client's copy was still right. */
  | { readonly type: 'hit'; readonly key: string; readonly status: number }
  /** Looked up and not found: the handler answers. */
  | { readonly type: 'miss'; readonly key: string }
  /** Not looked up at all, and why. */
  | { readonly type: 'bypass'; readonly reason: 'method' | 'skip' | 'conditions' }
  /** The handler's response was stored. */
  | { readonly type: 'stored'; readonly key: string; readonly bytes: number }
  /** The handler's response was sent and not stored. */
  | { readonly type: 'not-stored'; readonly key: string; readonly reason: NotStoredReason }
  /** What stood in Redis was no record of this cache; it counts as a miss. */
  | { readonly type: 'corrupt'; readonly key: string }
  /** Redis could not be asked or told. */
  | {
      readonly type: 'store-failure';
      readonly operation: 'read' | 'write';
      readonly key: string;
      readonly error: unknown;
    };
