// The one script of the package: everything that happens to a client happens here, in one atomic step on one key.
//
// The frame:   time f64 (server µs of the last write) │ notes u16 │ notes, 28 bytes each │ one section per policy
//
// Sections hold ages and debts relative to the frame's time. They are read by position: the key names the set of
// policies, so that the frame of another set is never read. A rejection writes nothing, unless it counts as a strike.

import { bucketSection } from './sections/bucket.js';
import { fixedWindowSection } from './sections/fixed-window.js';
import { countStrike, packNotes, readNotes } from './sections/notes.js';
import { ringSection } from './sections/ring.js';
import { slidingLogSection } from './sections/sliding-log.js';
import { slidingWindowSection } from './sections/sliding-window.js';

/** The line that reads the clock. Tests replace it in a text of their own; the script that ships has no such door. */
export const CLOCK = `local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]`;

/**
 * Decides about one client under all its policies, and charges all or none of them. Atomic, because between reading and
 * writing another process would read the same count.
 *
 * KEYS[1]  frame of the client, a string
 * ARGV[1]  cost, units; 0 in the modes `settle` and `ban`
 * ARGV[2]  policies, 21 bytes each: kind u8, limit u32, period f64, extra f64 (see `sections/`)
 * ARGV[3]  mode: none or `consume`; `lease` (charge, and remember it under an id); `peek` (write nothing); `settle`; `ban`
 * ARGV[4]  `lease`, `settle`: id, 8 bytes. `ban`: its length in µs, 0 to lift it
 * ARGV[5]  `lease`: length in µs, and in ARGV[7] what goes back when it ends, units. `settle`: what it cost in the end
 * ARGV[6]  penalty, or '': strikes u32, and in µs: window f64, ban f64, longest ban f64
 *
 * Returns  f64 each: status, µs until the ban ends, then for each policy: units free before the charge, µs until the whole
 *          limit is back, µs until it would admit the cost (0 when it does). In one string, because a client decodes it
 *          in a tenth of the time that eleven integers take it.
 *          status: 1 charged (`peek`: would be) · 0 refused · 2 banned · 3 settled · -1 no such lease
 * TTL      of the key: until no policy, lease, strike or ban needs it; set with each write
 */
export const decideLua = /* lua */ `
${CLOCK}
local raw = redis.call('GET', KEYS[1])
local cost, policies, mode = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local values, rep = unpack, string.rep
local unpack, pack, floor, sub, byte = struct.unpack, struct.pack, math.floor, string.sub, string.byte
local last, pos, noteCount, shift = now, 11, 0, 0
if raw then
  last, noteCount = unpack('>dH', raw)
  if last > now then
    -- A clock that stepped back a little is waited for. After a jump all times move with it.
    if last - now > 60000000 then last, shift = now, last - now else now = last end
  end
end
-- Room for three policies from the start: a table that grows costs half a microsecond.
local reply, idle = { 1, 0, nil, nil, nil, nil, nil, nil, nil, nil, nil }, { nil, nil, nil }
local status, ttl = 1, 0
local out, refunds, notes = '', nil, ''
local kept, live, lapsed, settled = '', 0, '', 0
local strikes, strikesUntil, bans, bannedUntil, banForgottenAt = 0, 0, 0, 0, 0
if noteCount > 0 then
${readNotes}
end
local held = ttl
local isChecked = mode ~= 'settle' and mode ~= 'ban'
-- What will cost something is let in only where something is free.
local asked = mode == 'lease' and cost == 0 and 1 or cost
if mode == 'settle' and settled == 0 then return pack('>dd', -1, 0) end

local sections, at, n = pos, 1, 0
while at <= #policies do
  n = n + 1
  local kind, limit, period, extra
  kind, limit, period, extra, at = unpack('>BI4dd', policies, at)
  local free, reset, retry = 0, 0, 0
  if kind == 1 then
${ringSection}
  elseif kind == 2 then
${bucketSection}
  elseif kind == 3 then
${fixedWindowSection}
  elseif kind == 4 then
${slidingWindowSection}
  elseif kind == 5 then
${slidingLogSection}
  else
    -- concurrency: the leases are the count.
    free = limit - live
    idle[n] = held
    reset = period
    if free < 1 and isChecked then
      status = 0
      retry = 1000000
    end
  end
  local r = 3 * n
  reply[r], reply[r + 1], reply[r + 2] = free, reset, retry
  if reset > ttl then ttl = reset end
end

if isChecked and bannedUntil > now then status, reply[2] = 2, bannedUntil - now end
-- So many requests of one client in flight are refused whatever the policies say: the frame would grow without end.
if mode == 'lease' and live >= 4000 then status = 0 end
local header
if status ~= 1 or mode == 'peek' then
  for i = 1, n do reply[3 * i + 1] = idle[i] end
  reply[1] = status
  -- What could never be admitted to a new client leaves no frame behind.
  if status ~= 0 or mode == 'peek' or shift > 0 or not raw or not ARGV[6] or ARGV[6] == '' then
    return pack('>' .. rep('d', 3 * n + 2), values(reply, 1, 3 * n + 2))
  end
${countStrike}
  reply[1] = status
  kept = kept .. lapsed
  header, out = sub(raw, 1, 8), sub(raw, sections, pos - 1)
else
  if mode == 'lease' then
    local length = tonumber(ARGV[5])
    kept = kept .. pack('>c8dI4d', ARGV[4], now + length, tonumber(ARGV[7]), now)
    if length > ttl then ttl = length end
  elseif mode == 'settle' then
    reply[1] = 3
  elseif mode == 'ban' then
    local length = tonumber(ARGV[4])
    if length > 0 then bans, bannedUntil, banForgottenAt = bans + 1, now + length, now + length
    else bans, bannedUntil, banForgottenAt, strikes = 0, 0, 0, 0 end
  end
  header = pack('>d', now)
end
if noteCount > 0 or mode then
${packNotes}
end
redis.call('SET', KEYS[1], header .. pack('>H', noteCount) .. notes .. out, 'PX', floor(ttl / 1000) + 1)
return pack('>' .. rep('d', 3 * n + 2), values(reply, 1, 3 * n + 2))
`;
