// Takes a token from a bucket that refills evenly, when there is one. Atomic because refilling, looking and taking apart
// would let two processes take the same token. A rejection and a peek write nothing.
//
// KEYS[1]  string  the counter of one client
// ARGV[1]  limit, requests          ARGV[4]  instance  ┐
// ARGV[2]  windowMs                 ARGV[5]  sequence  ├ of the charge ledger
// ARGV[3]  1 to consume, 0 to peek  ARGV[6]  oldest    ┘
// ARGV[7]  time in ms; only tests give it, without it the server's TIME decides
// Returns  { 1 admitted | 0 rejected, remaining, resetMs, retryAfterMs }
// TTL      until the bucket is full, at least 10 s (receipts)
//
// State, 18 bytes: time of the last change u48 (ms), debt u56, the windowMs that the debt is counted in u40.
// The debt is what is missing to a full bucket, in 1/windowMs of a token: a millisecond refills exactly limit of these.
// All numbers are below 2^53, because the factory refuses larger limit × windowMs.

import { defineScript } from '@sallyport/core';
import { closeDecision, openDecision, parseVerdict } from './decision-frame.js';

/** Decides about one request, or peeks; see above for keys, arguments and reply. */
export const consumeTokenBucket = defineScript({
  name: 'consume-token-bucket',
  numberOfKeys: 1,
  parse: parseVerdict,
  lua: /* lua */ `
${openDecision(18)}
local at, debt, unit = now, 0, window
if value then at, debt, unit = struct.unpack('>I6I7I5', value) end
-- The option was changed: the same number of tokens, in the new unit.
if unit ~= window then debt = math.ceil(debt / unit * window) end

local isRepaired = at > now
local elapsed = math.max(0, now - at)
-- Compared before the multiplication, so that a long pause cannot leave the safe integers.
if elapsed >= debt / limit then debt = 0 else debt = debt - elapsed * limit end

local capacity = limit * window
local hasRoom = debt + window <= capacity
local isAllowed = isReplay or hasRoom
local isCharged = hasRoom and not isReplay and not isPeek
if isCharged then debt = debt + window end

local remaining = math.max(0, math.floor((capacity - debt) / window))
local reset = math.ceil(debt / limit)
local retry = math.ceil(math.max(0, debt + window - capacity) / limit)
local life = reset
local state = struct.pack('>I6I7I5', now, debt, window)
${closeDecision}`,
});
