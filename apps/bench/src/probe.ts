// What a request asks of Redis, found on a quiet server: how many commands, and how many of them wait for another.

import type { RedisServer } from '@sallyport/redis-server';
import { Redis } from 'ioredis';
import { loadScenario } from './catalogue.js';
import { Child } from './child.js';
import { startDelayProxy } from './delay-proxy.js';
import type { Scenario } from './scenario.js';
import { send } from './send.js';

/** What one request of a scenario asks of Redis. */
export interface RedisDemand {
  /** Commands per request by name, without those that scripts call: `{ evalsha: 1 }`. */
  readonly commands: Readonly<Record<string, number>>;
  /** How often a request waits for Redis before it can go on. */
  readonly roundTrips: number;
  /** What one client, one answer and one lock leave in Redis: keys, and their memory with Redis' own bookkeeping. */
  readonly keys: number;
  readonly keyBytes: number;
}

const COUNTED_REQUESTS = 20;
const DELAY_MS = 20;
const DELAYED_REQUESTS = 5;

/** Asks the server of a scenario one request at a time. */
export async function probe(name: string, redis: RedisServer): Promise<RedisDemand> {
  const scenario = await loadScenario(name);
  const proxy = await startDelayProxy(redis.port);
  const server = new Child('server-process', [name, 'fast', proxy.url]);
  try {
    const port = await server.ask<number>('listen');
    const request = await scenario.prepare((each) => send(port, each));
    const once = () => ask(scenario, () => send(port, request));
    await once();
    const kept = await weighKeys(redis.url);
    const commands = await countCommands(redis.url, once);
    const nearMs = await shortest(once);
    proxy.setDelay(DELAY_MS);
    const farMs = await shortest(once);
    return { commands, ...kept, roundTrips: Math.max(0, Math.round((farMs - nearMs) / DELAY_MS)) };
  } finally {
    await server.kill();
    await proxy.close();
  }
}

async function ask(scenario: Scenario, request: () => ReturnType<typeof send>): Promise<number> {
  const startedAt = performance.now();
  const answer = await request();
  scenario.check(answer);
  return performance.now() - startedAt;
}

/** The least of several: what the request needs when nothing else delays it. */
async function shortest(request: () => Promise<number>): Promise<number> {
  const durations: number[] = [];
  for (let count = 0; count < DELAYED_REQUESTS; count += 1) durations.push(await request());
  return Math.min(...durations);
}

/** The bench's own Redis, a handful of keys: it may look at all of them. */
async function weighKeys(url: string): Promise<{ readonly keys: number; readonly keyBytes: number }> {
  const client = new Redis(url);
  const keys = await client.keys('*');
  const sizes = await Promise.all(keys.map((key) => client.memory('USAGE', key, 'SAMPLES', 0)));
  client.disconnect();
  return { keys: keys.length, keyBytes: sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0) };
}

/** Reads the server's MONITOR stream, where what a script calls is marked `lua`; INFO commandstats would count that, too. */
async function countCommands(url: string, request: () => Promise<number>): Promise<Record<string, number>> {
  const client = new Redis(url);
  const monitor = await client.monitor();
  const counts: Record<string, number> = {};
  const mark = `end of the probe ${process.pid}`;
  const sawMark = new Promise<void>((resolve) => {
    monitor.on('monitor', (_time: string, [command = '', argument]: string[], source: string) => {
      if (argument === mark) return resolve();
      if (source === 'lua') return;
      const name = command.toLowerCase();
      counts[name] = (counts[name] ?? 0) + 1 / COUNTED_REQUESTS;
    });
  });
  for (let count = 0; count < COUNTED_REQUESTS; count += 1) await request();
  await client.echo(mark);
  await sawMark;
  monitor.disconnect();
  client.disconnect();
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, Math.round(count * 100) / 100]));
}
