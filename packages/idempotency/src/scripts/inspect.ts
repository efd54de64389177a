import { defineScript } from '@sallyport/core';
import { parseHead } from '../kept-answer.js';

/** What is known of a request. */
export type RecordState =
  /** It is being processed; the lease lasts this long without a renewal. */
  | { readonly state: 'running'; readonly token: number; readonly remainingMs: number }
  /** Its process died or lost touch. The next request with this key runs again. */
  | { readonly state: 'abandoned'; readonly token: number }
  /** It was answered with `status`; the answer is kept this much longer. */
  | { readonly state: 'done'; readonly token: number; readonly status: number; readonly remainingMs: number };

/**
 * Reads what the record says at one moment. Changes nothing.
 *
 *   KEYS[1] record   hash { state, token, leaseEnds, head, … }
 *   Returns { state, token, milliseconds that lease or record last, head or '' } · nil there is none
 *   TTL     unchanged
 *   Time    redis TIME
 */
export const inspectScript = defineScript<RecordState | undefined>({
  name: 'idempotency.inspect',
  numberOfKeys: 1,
  lua: /* lua */ `
local record = KEYS[1]
local kept = redis.call('HMGET', record, 'state', 'token', 'leaseEnds', 'head')
if not kept[1] then
  return nil
end
if kept[1] == 'done' then
  return {kept[1], kept[2], redis.call('PTTL', record), kept[4]}
end
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
return {kept[1], kept[2], tonumber(kept[3]) - nowMs, ''}
`,
  parse(reply) {
    if (reply === null) return undefined;
    const [state, tokenText, remainingMs, head] = reply as [string, string, number, string];
    const token = Number(tokenText);
    if (state === 'done') return { state: 'done', token, status: parseHead(head).status, remainingMs };
    return remainingMs > 0 ? { state: 'running', token, remainingMs } : { state: 'abandoned', token };
  },
});
