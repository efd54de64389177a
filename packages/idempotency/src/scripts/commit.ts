import { defineScript } from '@sallyport/core';

/** `kept`, or `taken`: another owner has the record, and its answer counts. */
export type CommitReply = 'kept' | 'taken';

/**
 * Keeps the answer if no other owner has taken the record: checking and writing apart would let a late run overwrite the
 * answer that a client has already got. A record that is gone (deleted, evicted, lost in a failover) is written anew,
 * because nobody else's answer is at stake. Tells those who wait for it. Safe to send twice.
 *
 *   KEYS[1] record       hash { state, owner, fingerprint, token, …; when done: head, body }
 *   ARGV[1] owner
 *   ARGV[2] fingerprint  of the payload
 *   ARGV[3] token
 *   ARGV[4] retentionMs
 *   ARGV[5] head         JSON, see kept-answer.ts
 *   ARGV[6] body         bytes
 *   ARGV[7] channel      where the end is published when somebody waits
 *   ARGV[8] ended        what is published then
 *   Returns 'kept' · 'taken'
 *   TTL     record: retentionMs
 */
export const commitScript = defineScript<CommitReply>({
  name: 'idempotency.commit',
  numberOfKeys: 1,
  lua: /* lua */ `
local record = KEYS[1]
local owner, fingerprint, token, retentionMs, head, body = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local channel, ended = ARGV[7], ARGV[8]

local kept = redis.call('HMGET', record, 'owner', 'waited')
local holder, waited = kept[1], kept[2]
if holder and holder ~= owner then
  return 'taken'
end
-- Lease, effect and steps have served.
redis.call('DEL', record)
redis.call('HSET', record, 'state', 'done', 'owner', owner, 'fingerprint', fingerprint,
  'token', token, 'head', head, 'body', body)
redis.call('PEXPIRE', record, retentionMs)
if waited then
  redis.call('PUBLISH', channel, ended)
end
return 'kept'
`,
  parse: (reply) => (reply === 'kept' ? 'kept' : 'taken'),
});
