// Takes a hit back, of the window in which it was counted and of no other. Atomic because a window may end between looking and
// taking: a bare DECR would then leave -1 on a key that never expires.
//
// KEYS[1]  string  the counter of one client, see express-rate-limit-increment.ts
// ARGV[1]  windowMs
// ARGV[2]  start of the window in which the hit was counted, server ms; 0 for whichever is open
// Returns  1 when a hit was taken back, 0 when the window is over or has none
// TTL      unchanged: until the window ends; where nothing is taken back, nothing is written

import { defineScript } from '@sallyport/core';
import { readWindow, writeWindow } from './express-rate-limit-increment.js';

/** Takes a hit back; see above for keys, arguments and reply. */
export const expressRateLimitDecrement = defineScript({
  name: 'express-rate-limit-decrement',
  numberOfKeys: 1,
  parse: (reply) => reply === 1,
  lua: /* lua */ `
${readWindow}
if hits == 0 or (ARGV[2] ~= '0' and start ~= tonumber(ARGV[2])) then return 0 end
hits = hits - 1
${writeWindow}
return 1`,
});
