import { defineScript } from '@sallyport/core';
import { parseHead, type KeptHead } from '../kept-answer.js';

/** What the record says to a request. */
export type ClaimReply =
  /** It is ours: run the handler. `steps` are those that an earlier run has finished, with their results. */
  | { readonly outcome: 'claimed'; readonly token: number; readonly steps: ReadonlyMap<string, string> }
  /** The key belongs to another payload. */
  | { readonly outcome: 'mismatch' }
  /** Somebody runs it, for at most this long without a renewal. */
  | { readonly outcome: 'running'; readonly remainingMs: number }
  /** Its run ended without an answer after it had marked an effect. It must not run again. */
  | { readonly outcome: 'unknown'; readonly token: number }
  /** It was done. */
  | { readonly outcome: 'done'; readonly token: number; readonly head: KeptHead; readonly body: Buffer };

/**
 * Reads the record and, when nobody runs or has done the request, claims it: in one step, so that of any number of
 * duplicates one gets it. A run whose lease is over is taken over with a higher token, unless it has marked an effect. Safe
 * to send twice: the same owner gets the same claim again.
 *
 *   KEYS[1] record       hash { state, owner, fingerprint, token, leaseEnds, effect?, waited?, step:<name>…; when done:
 *                        head, body }
 *   ARGV[1] owner        random, one per claim
 *   ARGV[2] fingerprint  of the payload
 *   ARGV[3] leaseMs
 *   ARGV[4] retentionMs
 *   ARGV[5] '1' when the sender waits for the answer of a running request: its end is then published
 *   Returns { 'claimed', token, [step, result]… } · { 'mismatch' } · { 'running', milliseconds } · { 'unknown', token }
 *           · { 'done', token, head, body }
 *   TTL     record: retentionMs when claimed, otherwise unchanged. The lease is a field and not the TTL, so that a
 *           crashed run's payload, token, effect and steps outlive it.
 *   Time    redis TIME
 */
export const claimScript = defineScript<ClaimReply>({
  name: 'idempotency.claim',
  numberOfKeys: 1,
  binary: true,
  lua: /* lua */ `
local record = KEYS[1]
local owner, fingerprint, leaseMs, retentionMs, isWaiting = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]

local time = redis.call('TIME')
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local nowMs = math.floor(micros / 1000)

local kept = redis.call('HMGET', record, 'state', 'owner', 'fingerprint', 'token', 'leaseEnds', 'effect')
local state, holder, keptFingerprint, token = kept[1], kept[2], kept[3], kept[4]
local leaseEnds, effect = tonumber(kept[5] or '0'), kept[6]

if state and keptFingerprint ~= fingerprint then
  return {'mismatch'}
end
if state == 'done' then
  local answer = redis.call('HMGET', record, 'head', 'body')
  return {'done', token, answer[1], answer[2]}
end
if state and holder ~= owner then
  if leaseEnds > nowMs then
    if isWaiting == '1' then
      redis.call('HSET', record, 'waited', '1')
    end
    return {'running', leaseEnds - nowMs}
  end
  if effect then
    return {'unknown', token}
  end
end

local reply = {'claimed', ''}
if state then
  local fields = redis.call('HGETALL', record)
  for at = 1, #fields, 2 do
    if string.sub(fields[at], 1, 5) == 'step:' then
      reply[#reply + 1] = string.sub(fields[at], 6)
      reply[#reply + 1] = fields[at + 1]
    end
  end
end
if holder ~= owner then
  token = string.format('%.0f', math.max(tonumber(token or '0') + 1, micros))
end
reply[2] = token
redis.call('HSET', record, 'state', 'running', 'owner', owner, 'fingerprint', fingerprint,
  'token', token, 'leaseEnds', string.format('%.0f', nowMs + leaseMs))
redis.call('PEXPIRE', record, retentionMs)
return reply
`,
  parse(reply) {
    const [outcome, first, ...rest] = reply as [Buffer, Buffer | number, ...Buffer[]];
    const [head = Buffer.alloc(0), body = Buffer.alloc(0)] = rest;
    switch (outcome.toString()) {
      case 'claimed':
        return { outcome: 'claimed', token: Number(first), steps: readSteps(rest) };
      case 'mismatch':
        return { outcome: 'mismatch' };
      case 'running':
        return { outcome: 'running', remainingMs: Number(first) };
      case 'unknown':
        return { outcome: 'unknown', token: Number(first) };
      case 'done':
        return { outcome: 'done', token: Number(first), head: parseHead(head), body };
      default:
        throw new TypeError(`unexpected reply of ${outcome.toString()}`);
    }
  },
});

const NO_STEPS: ReadonlyMap<string, string> = new Map();

function readSteps(pairs: readonly Buffer[]): ReadonlyMap<string, string> {
  if (pairs.length === 0) return NO_STEPS;
  const steps = new Map<string, string>();
  for (let at = 0; at < pairs.length; at += 2) steps.set(String(pairs[at]), String(pairs[at + 1]));
  return steps;
}
