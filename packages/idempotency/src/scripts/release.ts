import { defineScript } from '@sallyport/core';

/**
 * Forgets a request whose answer is not kept, if the owner still has it: checking and deleting apart could delete another
 * owner's record. Safe to send twice.
 *
 *   KEYS[1] record   hash { state, owner, … }
 *   ARGV[1] owner
 *   Returns 1 forgotten · 0 it was not the owner's, or was done
 *   TTL     record: deleted
 */
export const releaseScript = defineScript<boolean>({
  name: 'idempotency.release',
  numberOfKeys: 1,
  lua: /* lua */ `
local record = KEYS[1]
local owner = ARGV[1]

local kept = redis.call('HMGET', record, 'state', 'owner')
if kept[1] ~= 'running' or kept[2] ~= owner then
  return 0
end
return redis.call('DEL', record)
`,
  parse: (reply) => reply === 1,
});
