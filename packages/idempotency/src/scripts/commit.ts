import { defineScript } from '@sallyport/core';

/** `kept`, or `taken`: another owner has the record, and its answer counts. */
export type CommitReply = 'kept' | 'taken';

/**
 * Keeps the answer if no other owner has taken the record: checking and writing apart would let a late run overwrite the
 * answer that a client has already got. A record that is gone (deleted, evicted, lost in a failover) is written anew,
 * because nobody else's answer is at stake. Safe to send twice.
 *
 *   KEYS[1] record       hash { state, owner, fingerprint, token, leaseEnds; when done: head, body }
 *   ARGV[1] owner
 *   ARGV[2] fingerprint  of the payload
 *   ARGV[3] token
 *   ARGV[4] retentionMs
 *   ARGV[5] head         JSON, see kept-answer.ts
 *   ARGV[6] body         bytes
 *   Returns 'kept' · 'taken'
 *   TTL     record: retentionMs
 */
export const commitScript = defineScript<CommitReply>({
  name: 'idempotency.commit',
  numberOfKeys: 1,
  lua: /* lua */ `
local record = KEYS[1]
local owner, fingerprint, token, retentionMs, head, body = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local holder = redis.call('HGET', record, 'owner')
if holder and holder ~= owner then
  return 'taken'
end
redis.call('HSET', record, 'state', 'done', 'owner', owner, 'fingerprint', fingerprint,
  'token', token, 'head', head, 'body', body)
redis.call('HDEL', record, 'leaseEnds')
redis.call('PEXPIRE', record, retentionMs)
return 'kept'
`,
  parse: (reply) => (reply === 'kept' ? 'kept' : 'taken'),
});
