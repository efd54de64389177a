// What the three scripts have in common: arguments, clock, receipts, the one write and the reply. A script is
// `openDecision(size)`, its own rule, `closeDecision`.
//
// The value is one string: the state of the algorithm (`size` bytes), then the receipts, 10 bytes each:
//
//   state │ instance u32, sequence u32, server second u16 │ instance … │ …
//
// A receipt proves that a decision was charged. ioredis sends a command again when its reply was lost; the second run finds
// its receipt and admits without charging. A receipt goes when its process says that nothing so old is unanswered, or
// after 10 s, or when 128 newer ones exist; what comes again after that is charged again, never let through for free.

import type { Verdict } from '../decision.js';

const RECEIPT_SECONDS = 10;
const MAX_RECEIPTS = 128;

/**
 * Lua that binds `limit`, `window`, `isPeek`, `now` (ms), `value` (a string of at least `stateBytes` bytes, or nil),
 * `receipts` (those to keep) and `isReplay` (this decision has been charged before).
 *
 * A value of another length was not written by this script and counts as none.
 */
export function openDecision(stateBytes: number): string {
  return /* lua */ `
local key = KEYS[1]
local limit, window, isPeek = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '0'
local instance, sequence, oldest = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local now = tonumber(ARGV[7])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local second = math.floor(now / 1000) % 65536

local value = redis.call('GET', key)
if not value or #value < ${stateBytes} or (#value - ${stateBytes}) % 10 ~= 0 then value = nil end
local receipts, isReplay = {}, false
for at = ${stateBytes + 1}, value and #value or 0, 10 do
  local by, number, since = struct.unpack('>I4I4I2', value, at)
  -- Sequences wrap: "number is before oldest" holds when it takes fewer than 2^31 steps to get from one to the other.
  local isSettled = by == instance and (oldest - number - 1) % 4294967296 < 2147483648
  if by == instance and number == sequence then isReplay = true end
  if not isSettled and (second - since) % 65536 <= ${RECEIPT_SECONDS} then
    receipts[#receipts + 1] = string.sub(value, at, at + 9)
  end
end
`;
}

/**
 * Lua that writes and replies. It takes from the rule: `isAllowed`, `isCharged`, `isRepaired` (the clock stepped back and
 * the state was moved to it), `state`, `life` (ms that the state matters), `remaining`, `reset`, `retry` (ms).
 */
export const closeDecision = /* lua */ `
if isCharged or (isRepaired and not isPeek) then
  if isCharged then receipts[#receipts + 1] = struct.pack('>I4I4I2', instance, sequence, second) end
  local first = math.max(1, #receipts - ${MAX_RECEIPTS - 1})
  local ttl = math.max(life, ${RECEIPT_SECONDS * 1000})
  -- tostring() would write large numbers as 1e+15.
  redis.call('SET', key, state .. table.concat(receipts, '', first), 'PX', string.format('%.0f', ttl))
end
return { isAllowed and 1 or 0, remaining, reset, retry }
`;

/** Turns the reply of a decision script into a verdict. */
export function parseVerdict(reply: unknown): Verdict {
  const [isAllowed, remaining, resetMs, retryAfterMs] = Array.isArray(reply) ? (reply as unknown[]) : [];
  const isRight =
    (isAllowed === 0 || isAllowed === 1) && isCount(remaining) && isCount(resetMs) && isCount(retryAfterMs);
  if (!isRight) throw new TypeError(`a decision script gave ${JSON.stringify(reply)}`);
  return { isAllowed: isAllowed === 1, remaining, resetMs, retryAfterMs };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
