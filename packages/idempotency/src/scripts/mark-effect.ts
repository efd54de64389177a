import { defineScript } from '@sallyport/core';

/**
 * Notes in a running record that its handler is about to do what cannot be done twice, if the owner still has it: checking
 * and noting apart could mark another owner's run, and let this one go on. From then on nobody can take the record over.
 * Safe to send twice.
 *
 *   KEYS[1] record   hash { state, owner, effect, … }
 *   ARGV[1] owner
 *   Returns 1 noted · 0 the owner does not have it
 *   TTL     record: unchanged
 */
export const markEffectScript = defineScript<boolean>({
  name: 'idempotency.mark-effect',
  numberOfKeys: 1,
  lua: /* lua */ `
local record = KEYS[1]
local owner = ARGV[1]

local kept = redis.call('HMGET', record, 'state', 'owner')
if kept[1] ~= 'running' or kept[2] ~= owner then
  return 0
end
redis.call('HSET', record, 'effect', '1')
return 1
`,
  parse: (reply) => reply === 1,
});
