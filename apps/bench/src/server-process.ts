// The program of the server under test: one scenario, one listening socket, and the counters that the bench asks for.

import { createServer as createPlainServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { createServer as createFastServer } from '@sallyport/server';
import { Redis } from 'ioredis';
import { loadScenario } from './catalogue.js';
import { answerParent } from './child.js';
import { startProfile } from './profile-session.js';

/** What the server has used and served since it started. */
export interface ServerSample {
  readonly cpuMicros: number;
  readonly requests: number;
  readonly rssBytes: number;
}

const [, , name = '', kind = '', redisUrl = ''] = process.argv;
let requests = 0;

async function listen(): Promise<number> {
  const scenario = await loadScenario(name);
  const handler = await scenario.serve({
    url: redisUrl,
    // An answer that waits for a delaying proxy is no failure.
    connect: () => new Redis(redisUrl, { maxRetriesPerRequest: null }),
  });
  const server = kind === 'fast' ? createFastServer(handler) : createPlainServer(handler);
  server.on('request', () => (requests += 1));
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

answerParent({
  listen,
  sample: (): ServerSample => {
    const { user, system } = process.cpuUsage();
    return { cpuMicros: user + system, requests, rssBytes: process.memoryUsage.rss() };
  },
  profile: (durationMs: number) => startProfile(durationMs),
});
