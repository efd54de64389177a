// Requests as no well-behaved client sends them.

import { connect as connectTcp } from 'node:net';
import { once } from 'node:events';
import { listen } from '@sallyport/testkit';
import type { RequestListener } from 'node:http';

/** Answer to a request that was written as text. */
export interface RawAnswer {
  readonly status: number;
  readonly cache: string | undefined;
  readonly text: string;
}

/** Gives a function that writes lines to the app and reads until the connection ends. */
export async function rawClient(app: RequestListener): Promise<(...lines: string[]) => Promise<RawAnswer>> {
  const { url } = await listen(app);
  const port = Number(new URL(url).port);
  return async (...lines) => {
    const socket = connectTcp(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ended = once(socket, 'close');
    socket.write(lines.join('\r\n'));
    await ended;
    const answer = Buffer.concat(chunks).toString();
    const [head = '', ...body] = answer.split('\r\n\r\n');
    return {
      status: Number(head.slice(9, 12)),
      cache: /^x-cache: (\w+)/im.exec(head)?.[1],
      text: body.join('\r\n\r\n'),
    };
  };
}
