// Sends each command at most once. ioredis by default sends a command again when the connection broke before its reply
// came; a decision that had been executed would be charged twice. There is no setting per command, but a command writes
// itself: one that is asked for its bytes a second time gives those of a PING, which does nothing, and fails.
//
// So the caller's client is used as it is: no second connection, no listener, nothing to close, no receipt in Redis.

import type { RedisArgument, RedisClient } from '@sallyport/core';
import { Command } from 'ioredis';

const PING = '*1\r\n$4\r\nPING\r\n';

class OnceCommand extends Command {
  /** Whether its bytes may have reached a server that may have executed them. */
  isSent = false;
  isRepeated = false;

  override toWritable(socket: object): string | Buffer {
    if (this.isSent) {
      this.isRepeated = true;
      return PING;
    }
    this.isSent = true;
    return super.toWritable(socket);
  }
}

interface Sender {
  sendCommand(command: Command): unknown;
}

/** The same client, but that `call` and `callBuffer` are executed once at most, or fail. */
export function sendOnce(redis: RedisClient): RedisClient {
  const sender = redis as unknown as Sender;

  async function send(
    replyEncoding: BufferEncoding | null,
    name: string,
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    const { keyPrefix } = redis.options;
    const options = { replyEncoding, ...(keyPrefix === undefined ? {} : { keyPrefix }) };
    const command = new OnceCommand(name, [...args], options);
    // A client of ioredis 6 tells each command how it reads replies. A copy of ioredis 5 may have been imported above, whose
    // commands have no such method and, for the replies of our scripts, no need of it.
    if (!('setReplyContext' in command)) Object.assign(command, { setReplyContext: () => undefined });
    sender.sendCommand(command);
    // In a Cluster, `reject` decides whether the command goes to another node. A reply that sends it there (MOVED, ASK,
    // TRYAGAIN) says that it was not executed; a broken connection does not.
    const { reject } = command;
    command.reject = (error) => {
      if (error.name === 'ReplyError') command.isSent = false;
      reject.call(command, error);
    };
    const reply: unknown = await command.promise;
    if (command.isRepeated) throw new Error('The connection broke before the reply came');
    return reply;
  }

  return {
    get status() {
      return redis.status;
    },
    options: redis.options,
    call: (name, ...args) => send('utf8', name, args),
    callBuffer: (name, ...args) => send(null, name, args),
    on: (event, listener) => redis.on(event, listener),
    off: (event, listener) => redis.off(event, listener),
  };
}
