// Counts a request in the current of two windows, when the current count and the faded count of the window before allow
// it. Atomic because reading the counts and raising one apart would let two processes take the last place. A rejection
// and a peek write nothing.
//
// KEYS[1]  string  the counter of one client
// ARGV[1]  limit, requests          ARGV[4]  instance  ┐
// ARGV[2]  windowMs                 ARGV[5]  sequence  ├ of the charge ledger
// ARGV[3]  1 to consume, 0 to peek  ARGV[6]  oldest    ┘
// ARGV[7]  time in ms; only tests give it, without it the server's TIME decides
// Returns  { 1 admitted | 0 rejected, remaining, resetMs, retryAfterMs }
// TTL      until the current window has faded, at least 10 s (receipts)
//
// State, 19 bytes: start of the current window u48 (ms), its count u32, the previous count u32, ms between the two u40.
// algorithms/sliding-window.ts draws the two windows.
// All products are below 2^53, because the factory refuses larger limit × windowMs.

import { defineScript } from '@sallyport/core';
import { closeDecision, openDecision, parseVerdict } from './decision-frame.js';

/** Decides about one request, or peeks; see above for keys, arguments and reply. */
export const consumeSlidingWindow = defineScript({
  name: 'consume-sliding-window',
  numberOfKeys: 1,
  parse: parseVerdict,
  lua: /* lua */ `
${openDecision(19)}
local start, current, previous, gap = now, 0, 0, 0
if value then start, current, previous, gap = struct.unpack('>I6I4I4I5', value) end

local isRepaired = start > now
if isRepaired then start = now end
-- The current window is over: it becomes the previous one, and this request opens the next.
local over = now - start - window
if over >= window then
  start, current, previous, gap = now, 0, 0, 0
elseif over >= 0 then
  start, current, previous, gap = now, 0, current, over
end

local elapsed = now - start
local faded = previous * math.max(0, window - gap - elapsed)
local hasRoom = current * window + faded < limit * window
local isAllowed = isReplay or hasRoom
local isCharged = hasRoom and not isReplay and not isPeek
if isCharged then current = current + 1 end

-- How long ago a window of count requests must have ended to weigh less than ceiling.
local function fading(count, ceiling)
  if count < ceiling then return 0 end
  return window - math.ceil(ceiling * window / count) + 1
end

local used = math.floor((current * window + faded) / window)
local remaining = math.max(0, limit - used)
local retry = 0
if used >= limit then
  if current < limit then
    retry = fading(previous, limit - current) - gap - elapsed
  else
    retry = window - elapsed + fading(current, limit)
  end
end
local reset = math.max(0, fading(previous, 1) - gap - elapsed)
if current > 0 then reset = window - elapsed + fading(current, 1) end
local life = start + 2 * window - now
local state = struct.pack('>I6I4I4I5', start, current, previous, gap)
${closeDecision}`,
});
