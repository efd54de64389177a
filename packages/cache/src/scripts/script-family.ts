// A script whose number of keys depends on the number of tags. Core's scripts declare one number, so there is one of them
// per number, all of the same text and therefore of the same SHA.

import { defineScript, type RedisArgument, type RedisClient, type Script } from '@sallyport/core';

/** Runs one Lua text on any number of keys. */
export type ScriptFamily<Reply> = (
  redis: RedisClient,
  keys: readonly string[],
  args?: readonly RedisArgument[],
) => Promise<Reply>;

/** Gives the runner; `parse` turns the raw reply into a domain value. */
export function defineScriptFamily<Reply>(definition: {
  readonly name: string;
  readonly lua: string;
  readonly parse: (reply: unknown) => Reply;
}): ScriptFamily<Reply> {
  const byKeyCount = new Map<number, Script<Reply>>();
  return (redis, keys, args) => {
    let script = byKeyCount.get(keys.length);
    if (script === undefined) {
      script = defineScript({ ...definition, numberOfKeys: keys.length });
      byKeyCount.set(keys.length, script);
    }
    return script.run(redis, keys, args);
  };
}
