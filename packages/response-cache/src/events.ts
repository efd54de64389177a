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
  | 'suffix'
  | 'tags'
  | 'too-large'
  | 'truncated'
  | 'overtaken'
  | 'method'
  | 'unconfirmed';

/** What a response cache reports to `onEvent` and to the diagnostics channel `sallyport:response-cache`. */
export type ResponseCacheEvent =
  /** Answered from Redis; `status` is 304 when the client's copy was still right. */
  | { readonly type: 'hit'; readonly key: string; readonly status: number }
  /** Answered from Redis although its life was over; the handler is asked behind the client's back, or has failed. */
  | { readonly type: 'stale'; readonly key: string; readonly reason: 'revalidating' | 'error' | 'client' }
  /** The handler has confirmed a stale response by 304. */
  | { readonly type: 'revalidated'; readonly key: string }
  /** Answered by what another request of this process had made. */
  | { readonly type: 'coalesced'; readonly key: string }
  /** A successful unsafe request has removed what was stored for its target and the URLs that it names. */
  | { readonly type: 'invalidated'; readonly keys: readonly string[] }
  /** A revalidation in the background came to no end or threw. */
  | { readonly type: 'revalidation-failure'; readonly key: string; readonly error: unknown }
  /** Looked up and not found: the handler answers. */
  | { readonly type: 'miss'; readonly key: string }
  /** Not looked up at all, and why. */
  | { readonly type: 'bypass'; readonly reason: 'method' | 'skip' | 'conditions' | 'host' | 'content' | 'target' }
  /** The handler's response was stored. */
  | { readonly type: 'stored'; readonly key: string; readonly bytes: number }
  /** The handler's response was sent and not stored. */
  | { readonly type: 'not-stored'; readonly key: string; readonly reason: NotStoredReason }
  /** What stood in Redis was no record of this cache; it counts as a miss. */
  | { readonly type: 'corrupt'; readonly key: string }
  /** Responses are kept in memory from now on, or not any more. `error`: Redis refuses to tell of changes. */
  | { readonly type: 'l1'; readonly isArmed: boolean; readonly error?: Error }
  /** Redis could not be asked or told. */
  | {
      readonly type: 'store-failure';
      readonly operation: 'read' | 'write';
      readonly key: string;
      readonly error: unknown;
    };
