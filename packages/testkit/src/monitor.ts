/**
 * The stream of commands that a server executes, over a plain socket. ioredis' own `monitor()` loses its place when another
 * client's commands arrive in the same packet as the answer to MONITOR, which a busy shared server does all the time.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { Redis } from 'ioredis';

/** One executed command: `source` is the client's address, or `lua` for a call made by a script. */
export interface MonitoredCommand {
  readonly source: string;
  readonly name: string;
  /** The whole line, arguments quoted by Redis. */
  readonly line: string;
}

/** Starts listening on the server of `redis`; gives the function that stops it. */
export async function monitor(redis: Redis, onCommand: (command: MonitoredCommand) => void): Promise<() => void> {
  const { host = '127.0.0.1', port = 6379, username, password } = redis.options;
  const socket = connect({ host, port });
  await once(socket, 'connect');
  const started = new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    const okBefore = password ? 2 : 1;
    let answers = 0;
    createInterface({ input: socket }).on('line', (line) => {
      const match = /^\+[\d.]+ \[\d+ (\S+)\] "([^"]*)"/.exec(line);
      if (match !== null) return onCommand({ source: String(match[1]), name: String(match[2]).toLowerCase(), line });
      if (line.startsWith('-')) return reject(new Error(`MONITOR: ${line.slice(1)}`));
      answers += 1;
      if (answers === okBefore) resolve();
    });
  });
  if (password) socket.write(encode('AUTH', ...(username ? [username] : []), password));
  socket.write(encode('MONITOR'));
  await started;
  return () => socket.destroy();
}

function encode(...args: string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`;
}
