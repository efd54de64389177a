// One run of one scenario: a fresh server, checked, warmed up, and measured in slices under the load of 50 callers.

import { setTimeout as delay } from 'node:timers/promises';
import type { RedisServer } from '@sallyport/redis-server';
import { Redis } from 'ioredis';
import type { BenchSettings } from './arguments.js';
import { Child, pin } from './child.js';
import type { LoadResult } from './load-process.js';
import { loadScenario } from './catalogue.js';
import type { BenchRequest } from './scenario.js';
import { send } from './send.js';
import type { ServerSample } from './server-process.js';
import { median } from './statistics.js';
import type { ScenarioRun } from './summary.js';
import type { Variant } from './variant.js';

const CONNECTIONS = 50;
/** How many times its time a warm-up may take. */
const PATIENCE = 20;

/** What a run needs to know of the command line. */
export type RunLength = Pick<BenchSettings, 'warmUpMs' | 'warmUpRequests' | 'sliceMs' | 'slices'>;

/** @throws {WrongAnswerError} when the server does not answer as the scenario says @throws {Error} when it fails under load */
export function measure(variant: Variant, redis: RedisServer, load: Child, length: RunLength): Promise<ScenarioRun> {
  return underLoad(variant, redis, load, async (server) => {
    await warmUp(server, length);
    return sliceBySlice(server, load, redis, length);
  });
}

/** The caller's own process, which may serve many runs. */
export function startLoad(): Child {
  const load = new Child('load-process', []);
  pin(load.pid, 0);
  return load;
}

/** The compiler needs requests, not time: on a busy machine the time has passed before it has seen enough of them. */
export async function warmUp(server: Child, { warmUpMs, warmUpRequests }: RunLength): Promise<void> {
  const before = (await server.ask<ServerSample>('sample')).requests;
  const givesUpAt = performance.now() + PATIENCE * warmUpMs;
  await delay(warmUpMs);
  while (performance.now() < givesUpAt) {
    if ((await server.ask<ServerSample>('sample')).requests - before >= warmUpRequests) return;
    await delay(50);
  }
}

/** Runs `body` while a fresh server of the variant is under load; its answers are checked before, meanwhile and after. */
export async function underLoad<T>(
  { name, server: kind, node }: Variant,
  redis: RedisServer,
  load: Child,
  body: (server: Child) => Promise<T>,
): Promise<T> {
  const scenario = await loadScenario(name);
  const server = new Child('server-process', [name, kind, redis.url], node.path);
  pin(server.pid, 1);
  try {
    const port = await server.ask<number>('listen');
    const request = await scenario.prepare((each) => send(port, each));
    const answer = await send(port, request);
    scenario.check(answer);
    const expected = { status: answer.status, body: answer.body };
    await load.ask('start', { name, port, connections: CONNECTIONS, request: bytesOf(request, port), expected });
    const result = await body(server);
    // Throws what a caller saw that was wrong.
    await load.ask<LoadResult>('end');
    scenario.check(await send(port, request));
    return result;
  } finally {
    await server.kill();
  }
}

async function sliceBySlice(server: Child, load: Child, redis: RedisServer, length: RunLength): Promise<ScenarioRun> {
  const client = new Redis(redis.url);
  const redisBefore = await redisCpuMicros(client);
  await load.ask('begin');
  const samples = [await server.ask<ServerSample>('sample')];
  for (let count = 0; count < length.slices; count += 1) {
    await delay(length.sliceMs);
    samples.push(await server.ask<ServerSample>('sample'));
  }
  const { requests, durationMs, p50Ms, p99Ms } = await load.ask<LoadResult>('end');
  const redisMicros = (await redisCpuMicros(client)) - redisBefore;
  client.disconnect();
  return {
    cpuMicros: median(perRequest(samples)),
    redisCpuMicros: redisMicros / requests,
    requestsPerSecond: (requests / durationMs) * 1_000,
    p50Ms,
    p99Ms,
    rssBytes: samples.at(-1)?.rssBytes ?? 0,
  };
}

/** CPU time per request in each slice. A slice in which the machine gave the server nothing has no figure. */
function perRequest(samples: readonly ServerSample[]): number[] {
  const slices = samples.slice(1).map((sample, index) => {
    const { cpuMicros = 0, requests = 0 } = samples[index] ?? {};
    return { cpuMicros: sample.cpuMicros - cpuMicros, requests: sample.requests - requests };
  });
  return slices.filter(({ requests }) => requests > 0).map(({ cpuMicros, requests }) => cpuMicros / requests);
}

async function redisCpuMicros(client: Redis): Promise<number> {
  const info = await client.info('cpu');
  const seconds = ['used_cpu_user', 'used_cpu_sys'].map((name) =>
    Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]),
  );
  return seconds.reduce((sum, each) => sum + each, 0) * 1e6;
}

function bytesOf({ method, path, headers = {}, body }: BenchRequest, port: number): string {
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  const fields = Object.entries({ Host: `127.0.0.1:${port}`, ...headers, ...length });
  return [`${method} ${path} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`), '', body ?? ''].join(
    '\r\n',
  );
}
