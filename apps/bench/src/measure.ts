// One run of one scenario: a fresh server, checked, warmed up, and measured in slices under the load of 50 callers.

import { setTimeout as delay } from 'node:timers/promises';
import type { RedisServer } from '@sallyport/redis-server';
import { Redis } from 'ioredis';
import type { BenchSettings } from './arguments.js';
import { Child, pin } from './child.js';
import type { LoadResult } from './load-process.js';
import type { Answer, BenchRequest } from './scenario.js';
import { loadScenario } from './scenarios/catalogue.js';
import { send } from './send.js';
import type { ServerSample } from './server-process.js';
import { median } from './statistics.js';
import type { ScenarioRun } from './summary.js';

const CONNECTIONS = 50;

/** What a run needs to know of the command line. */
export type RunLength = Pick<BenchSettings, 'warmUpMs' | 'sliceMs' | 'slices'>;

/** @throws {WrongAnswerError} when the server does not answer as the scenario says @throws {Error} when it fails under load */
export async function measure(name: string, redis: RedisServer, length: RunLength): Promise<ScenarioRun> {
  const scenario = await loadScenario(name);
  const server = new Child('server-process', [name, redis.url]);
  const load = new Child('load-process', []);
  pin(server.pid, 1);
  pin(load.pid, 0);
  try {
    const port = await server.ask<number>('listen');
    const request = await scenario.prepare((each) => send(port, each));
    const answer = await send(port, request);
    scenario.check(answer);
    await load.ask('start', {
      port,
      connections: CONNECTIONS,
      request: bytesOf(request, port),
      expected: sizeOf(answer),
    });
    await delay(length.warmUpMs);
    const run = await sliceBySlice(server, load, redis, length);
    scenario.check(await send(port, request));
    return run;
  } finally {
    await Promise.all([server.kill(), load.kill()]);
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

function sizeOf({ status, body }: Answer) {
  return { status, bodyBytes: Buffer.byteLength(body) };
}
