import { createSessions } from '@sallyport/session';
import { connect, listen, type ProcessContext } from '@sallyport/testkit';
import express from 'express';
import { Cluster } from 'ioredis';
import { secret } from './shop.js';

/** One session to write to. */
export interface WriterTarget {
  readonly prefix: string;
  readonly cookie: string;
  /** Nodes of a Cluster; without them, the worker's Redis. */
  readonly nodes?: { readonly host: string; readonly port: number }[];
}

export interface WriterTask {
  readonly targets: readonly WriterTarget[];
  readonly requests: number;
}

/**
 * Sends requests of each session to an application in this process: first all that set a field of their own, at once, then
 * all that add one to a counter. Gives how many of each succeeded.
 */
export async function run({ targets, requests }: WriterTask, context: ProcessContext): Promise<[number, number][]> {
  const results: [number, number][] = [];
  for (const target of targets) results.push(await writeTo(target, requests, context));
  return results;
}

async function writeTo(
  { prefix, cookie, nodes }: WriterTarget,
  requests: number,
  { index, barrier }: ProcessContext,
): Promise<[number, number]> {
  const redis = nodes === undefined ? connect() : new Cluster(nodes);
  const sessions = createSessions<Record<string, unknown>>({
    redis,
    prefix,
    secrets: [secret],
    idleMs: 600_000,
    deadlineMs: 20_000,
  });
  const app = express();
  app.use(sessions.middleware);
  app.post('/field/:name', (req, res) => {
    sessions.of(req)[req.params.name] = index;
    res.end();
  });
  app.post('/count', async (req, res) => {
    await req.session.update('count', (count: number | undefined) => (count ?? 0) + 1);
    res.end();
  });
  const server = await listen(app);
  const send = async (pathOf: (at: number) => string) => {
    const paths = Array.from({ length: requests }, (_, at) => server.url + pathOf(at));
    const answers = await Promise.all(paths.map((path) => fetch(path, { method: 'POST', headers: { cookie } })));
    return answers.filter(({ status }) => status === 200).length;
  };
  await barrier();
  const fields = await send((at) => `/field/p${index}n${at}`);
  await barrier();
  const counts = await send(() => '/count');
  redis.disconnect();
  return [fields, counts];
}
