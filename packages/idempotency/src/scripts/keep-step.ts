import { defineScript } from '@sallyport/core';

/**
 * Keeps the result of a finished step in a running record, if the owner still has it: checking and writing apart could put
 * a late run's result among those of the run that took over. Safe to send twice.
 *
 *   KEYS[1] record   hash { state, owner, step:<name>, … }
 *   ARGV[1] owner
 *   ARGV[2] name     of the step
 *   ARGV[3] result   JSON, or '' for undefined
 *   Returns 1 kept · 0 the owner does not have it
 *   TTL     record: unchanged
 */
export const keepStepScript = defineScript<boolean>({
  name: 'idempotency.keep-step',
  numberOfKeys: 1,
  lua: /* lua */ `
local record = KEYS[1]
local owner, name, result = ARGV[1], ARGV[2], ARGV[3]

local kept = redis.call('HMGET', record, 'state', 'owner')
if kept[1] ~= 'running' or kept[2] ~= owner then
  return 0
end
redis.call('HSET', record, 'step:' .. name, result)
return 1
`,
  parse: (reply) => reply === 1,
});
