// Counts a request in the window that its key's first request opened, when the limit allows it. Atomic because reading the
// count and raising it apart would let two processes take the last place. A rejection and a peek write nothing.
//
// KEYS[1]  string  the counter of one client
// ARGV[1]  limit, requests          ARGV[4]  instance  ┐
// ARGV[2]  windowMs                 ARGV[5]  sequence  ├ of the charge ledger
// ARGV[3]  1 to consume, 0 to peek  ARGV[6]  oldest    ┘
// ARGV[7]  time in ms; only tests give it, without it the server's TIME decides
// Returns  { 1 admitted | 0 rejected, remaining, resetMs, retryAfterMs }
// TTL      until the window ends, at least 10 s (receipts)
//
// State, 10 bytes: start u48 (ms), count u32.

import { defineScript } from '@sallyport/core';
import { closeDecision, openDecision, parseVerdict } from './decision-frame.js';

/** Decides about one request, or peeks; see above for keys, arguments and reply. */
export const consumeFixedWindow = defineScript({
  name: 'consume-fixed-window',
  numberOfKeys: 1,
  parse: parseVerdict,
  lua: /* lua */ `
${openDecision(10)}
local start, count = now, 0
if value then start, count = struct.unpack('>I6I4', value) end

local isRepaired = start > now
if isRepaired then start = now end
if now - start >= window then start, count = now, 0 end

local hasRoom = count < limit
local isAllowed = isReplay or hasRoom
local isCharged = hasRoom and not isReplay and not isPeek
if isCharged then count = count + 1 end

local left = start + window - now
local life, remaining = left, math.max(0, limit - count)
local reset = count > 0 and left or 0
local retry = remaining > 0 and 0 or left
local state = struct.pack('>I6I4', start, count)
${closeDecision}`,
});
