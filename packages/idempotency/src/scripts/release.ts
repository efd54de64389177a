import { defineScript } from '@sallyport/core';

/**
 * Gives up a request whose answer is not kept, if the owner still has it: checking and deleting apart could delete another
 * owner's record. A record with finished steps stays, free to be claimed, so that the next run resumes after them. Tells
 * those who wait for it. Safe to send twice.
 *
 *   KEYS[1] record   hash { state, owner, leaseEnds, effect?, waited?, step:<name>…, … }
 *   ARGV[1] owner
 *   ARGV[2] channel  where the end is published when somebody waits
 *   ARGV[3] ended    what is published then
 *   Returns 1 given up · 0 it was not the owner's, or was done
 *   TTL     record: deleted, or unchanged
 */
export const releaseScript = defineScript<boolean>({
  name: 'idempotency.release',
  numberOfKeys: 1,
  lua: /* lua */ `
local record = KEYS[1]
local owner, channel, ended = ARGV[1], ARGV[2], ARGV[3]

local kept = redis.call('HMGET', record, 'state', 'owner', 'waited')
if kept[1] ~= 'running' or kept[2] ~= owner then
  return 0
end
local hasSteps = false
for _, field in ipairs(redis.call('HKEYS', record)) do
  hasSteps = hasSteps or string.sub(field, 1, 5) == 'step:'
end
if hasSteps then
  redis.call('HDEL', record, 'owner', 'leaseEnds', 'effect', 'waited')
else
  redis.call('DEL', record)
end
if kept[3] then
  redis.call('PUBLISH', channel, ended)
end
return 1
`,
  parse: (reply) => reply === 1,
});
