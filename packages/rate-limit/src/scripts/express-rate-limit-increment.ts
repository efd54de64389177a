// Counts a hit in the window that its key's first hit opened, or only looks. Atomic because a count and its expiry that are
// written apart leave, when the process dies in between, a key that never expires.
//
// KEYS[1]  string  the counter of one client
// ARGV[1]  windowMs
// ARGV[2]  1 to count, 0 to look
// Returns  { hits so far in the window, ms until it ends, its start in server ms }
// TTL      until the window ends; a look writes nothing
//
// Value, 10 bytes: start of the window u48 (server ms), hits u32. Another length was not written here and counts as none.
// Time is the server's TIME. A window that lies in its future (the clock stepped back) starts anew with its hits.

import { defineScript } from '@sallyport/core';

/** A window's state. */
export interface WindowCount {
  readonly hits: number;
  readonly leftMs: number;
  /** Names the window; server time in ms. */
  readonly startMs: number;
}

/** Lua that binds `now`, `window`, `start`, `hits` of the window that is open now; `hits` is 0 when none is. */
export const readWindow = /* lua */ `
local key, window = KEYS[1], tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local value = redis.call('GET', key)
local start, hits = now, 0
if value and #value == 10 then start, hits = struct.unpack('>I6I4', value) end
if start > now then start = now end
if now - start >= window then start, hits = now, 0 end
`;

/** Lua that writes the window back; it is open, so what is left of it is at least 1 ms. */
export const writeWindow = /* lua */ `
redis.call('SET', key, struct.pack('>I6I4', start, hits), 'PX', string.format('%.0f', start + window - now))
`;

/** Counts a hit, or looks; see above for keys, arguments and reply. */
export const expressRateLimitIncrement = defineScript({
  name: 'express-rate-limit-increment',
  numberOfKeys: 1,
  parse: parseWindowCount,
  lua: /* lua */ `
${readWindow}
if ARGV[2] == '1' then
  hits = math.min(hits + 1, 4294967295)
  ${writeWindow}
end
return { hits, start + window - now, start }`,
});

function parseWindowCount(reply: unknown): WindowCount {
  const [hits, leftMs, startMs] = Array.isArray(reply) ? (reply as unknown[]) : [];
  const isRight = [hits, leftMs, startMs].every((value) => Number.isSafeInteger(value) && Number(value) >= 0);
  if (!isRight) throw new TypeError(`express-rate-limit-increment gave ${JSON.stringify(reply)}`);
  return { hits: Number(hits), leftMs: Number(leftMs), startMs: Number(startMs) };
}
