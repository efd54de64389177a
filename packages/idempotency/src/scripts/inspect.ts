import { defineScript } from '@sallyport/core';
import { parseHead } from '../kept-answer.js';

/** What is known of a request. `steps` are the names of those that are finished. */
export type RecordState =
  /** It is being processed; the lease lasts this long without a renewal. */
  | {
      readonly state: 'running';
      readonly token: number;
      readonly remainingMs: number;
      readonly hasEffect: boolean;
      readonly steps: readonly string[];
    }
  /** Its run ended without an answer to keep. The next request with this key runs, and resumes after `steps`. */
  | { readonly state: 'abandoned'; readonly token: number; readonly steps: readonly string[] }
  /** Its run ended without an answer after `markEffect()`. It is not run again; `delete()` it once you know. */
  | { readonly state: 'unknown'; readonly token: number; readonly steps: readonly string[] }
  /** It was answered with `status`; the answer is kept this much longer. */
  | { readonly state: 'done'; readonly token: number; readonly status: number; readonly remainingMs: number };

/**
 * Reads what the record says at one moment. Changes nothing.
 *
 *   KEYS[1] record   hash { state, token, leaseEnds, effect, head, step:<name>…, … }
 *   Returns { state, token, milliseconds that lease or record last, head or '', effect or '', step… } · nil there is none
 *   TTL     unchanged
 *   Time    redis TIME
 */
export const inspectScript = defineScript<RecordState | undefined>({
  name: 'idempotency.inspect',
  numberOfKeys: 1,
  lua: /* lua */ `
local record = KEYS[1]
local kept = redis.call('HMGET', record, 'state', 'token', 'leaseEnds', 'head', 'effect')
if not kept[1] then
  return nil
end
if kept[1] == 'done' then
  return {kept[1], kept[2], redis.call('PTTL', record), kept[4], ''}
end
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local reply = {kept[1], kept[2], tonumber(kept[3] or '0') - nowMs, '', kept[5] or ''}
for _, field in ipairs(redis.call('HKEYS', record)) do
  if string.sub(field, 1, 5) == 'step:' then
    reply[#reply + 1] = string.sub(field, 6)
  end
end
return reply
`,
  parse(reply) {
    if (reply === null) return undefined;
    const [state, tokenText, remainingMs, head, effect, ...steps] = reply as [string, string, number, string, string];
    const token = Number(tokenText);
    if (state === 'done') return { state: 'done', token, status: parseHead(head).status, remainingMs };
    const hasEffect = effect !== '';
    if (remainingMs > 0) return { state: 'running', token, remainingMs, hasEffect, steps };
    return { state: hasEffect ? 'unknown' : 'abandoned', token, steps };
  },
});
