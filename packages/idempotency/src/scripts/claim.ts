import { defineScript } from '@sallyport/core';
import { parseHead, type KeptHead } from '../kept-answer.js';

/** What the record says to a request. */
export type ClaimReply =
  /** It is ours: run the handler. */
  | { readonly outcome: 'claimed'; readonly token: number }
  /** The key belongs to another payload. */
  | { readonly outcome: 'mismatch' }
  /** Somebody runs it, for at most this long without a renewal. */
  | { readonly outcome: 'running'; readonly remainingMs: number }
  /** It was done. */
  | { readonly outcome: 'done'; readonly token: number; readonly head: KeptHead; readonly body: Buffer };

/**
 * Reads the record and, when nobody runs or has done the request, claims it: in one step, so that of any number of
 * duplicates one gets it. A run whose lease is over is taken over with a higher token. Safe to send twice: the same owner
 * gets the same claim again.
 *
 *   KEYS[1] record       hash { state, owner, fingerprint, token, leaseEnds; when done: head, body }
 *   ARGV[1] owner        random, one per claim
 *   ARGV[2] fingerprint  of the payload
 *   ARGV[3] leaseMs
 *   ARGV[4] retentionMs
 *   Returns { 'claimed', token } · { 'mismatch' } · { 'running', milliseconds } · { 'done', token, head, body }
 *   TTL     record: retentionMs when claimed, otherwise unchanged. The lease is a field and not the TTL, so that a
 *           crashed run's payload and token outlive it.
 *   Time    redis TIME
 */
export const claimScript = defineScript<ClaimReply>({
  name: 'idempotency.claim',
  numberOfKeys: 1,
  binary: true,
  lua: /* lua */ `
local record = KEYS[1]
local owner, fingerprint, leaseMs, retentionMs = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local time = redis.call('TIME')
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local nowMs = math.floor(micros / 1000)

local kept = redis.call('HMGET', record, 'state', 'owner', 'fingerprint', 'token', 'leaseEnds')
local state, holder, keptFingerprint, token, leaseEnds = kept[1], kept[2], kept[3], kept[4], tonumber(kept[5] or '0')

if state and keptFingerprint ~= fingerprint then
  return {'mismatch'}
end
if state == 'done' then
  local answer = redis.call('HMGET', record, 'head', 'body')
  return {'done', token, answer[1], answer[2]}
end
if state and holder ~= owner and leaseEnds > nowMs then
  return {'running', leaseEnds - nowMs}
end

if holder ~= owner then
  token = string.format('%.0f', math.max(tonumber(token or '0') + 1, micros))
end
redis.call('HSET', record, 'state', 'running', 'owner', owner, 'fingerprint', fingerprint,
  'token', token, 'leaseEnds', string.format('%.0f', nowMs + leaseMs))
redis.call('PEXPIRE', record, retentionMs)
return {'claimed', token}
`,
  parse(reply) {
    const [outcome, first, head, body] = reply as [Buffer, Buffer | number, Buffer, Buffer];
    switch (outcome.toString()) {
      case 'claimed':
        return { outcome: 'claimed', token: Number(first) };
      case 'mismatch':
        return { outcome: 'mismatch' };
      case 'running':
        return { outcome: 'running', remainingMs: Number(first) };
      case 'done':
        return { outcome: 'done', token: Number(first), head: parseHead(head), body };
      default:
        throw new TypeError(`unexpected reply of ${outcome.toString()}`);
    }
  },
});
