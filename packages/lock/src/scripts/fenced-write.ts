import { defineScript } from '@sallyport/core';

/** What became of a fenced command. */
export type FencedWriteResult =
  | { readonly accepted: true; readonly reply: unknown }
  /** Somebody with a later lease was here, with this token: the caller's lease is over. */
  | { readonly accepted: false; readonly newerToken: number };

/** How long the last token is remembered: a stale writer must have woken by then. */
export const WRITER_TTL_MS = 86_400_000;

/**
 * Runs one command on a key unless a larger token was here before, and keeps all smaller ones out from now on: looking and
 * writing apart would leave a gap in which a stopped process could wake. The same token may come again. Safe to send
 * twice with commands that are.
 *
 *   KEYS[1] target
 *   KEYS[2] writer   string, the largest token that was here
 *   ARGV[1] token
 *   ARGV[2] command
 *   ARGV[3…] its arguments after the key
 *   Returns { 1, the command's reply } · { 0, the larger token }
 *   TTL     target: as the command says · writer: a day
 */
export const fencedWriteScript = defineScript<FencedWriteResult>({
  name: 'lock.fenced-write',
  numberOfKeys: 2,
  lua: /* lua */ `
local target, writer = KEYS[1], KEYS[2]
local token, command = ARGV[1], ARGV[2]

local last = redis.call('GET', writer)
if last and tonumber(last) > tonumber(token) then
  return {0, last}
end
-- First the command: one that Redis refuses must not count.
local reply = redis.call(command, target, unpack(ARGV, 3))
redis.call('SET', writer, token, 'PX', ${WRITER_TTL_MS})
return {1, reply}
`,
  parse(reply) {
    const [isWritten, value] = reply as [number, unknown];
    return isWritten === 1 ? { accepted: true, reply: value ?? null } : { accepted: false, newerToken: Number(value) };
  },
});
