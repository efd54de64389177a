// The program of the server under test: one scenario, one listening socket, and the counters that the bench asks for.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { answerParent } from './child.js';
import { loadScenario } from './scenarios/catalogue.js';

/** What the server has used and served since it started. */
export interface ServerSample {
  readonly cpuMicros: number;
  readonly requests: number;
  readonly rssBytes: number;
}

const [, , name = '', redisUrl = ''] = process.argv;
let requests = 0;

async function listen(): Promise<number> {
  const scenario = await loadScenario(name);
  // An answer that waits for a delaying proxy is no failure.
  const handler = await scenario.serve(() => new Redis(redisUrl, { maxRetriesPerRequest: null }));
  const server = createServer(handler);
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
});
