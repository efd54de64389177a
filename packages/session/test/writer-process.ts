import { createSessions } from '@sallyport/session';
import { connect, listen } from '@sallyport/testkit';
import express from 'express';
import { Cluster, type Redis } from 'ioredis';
import { secret } from './shop.js';

export interface WriterTask {
  readonly prefix: string;
  readonly cookie: string;
  /** Nodes of a Cluster; without them, the worker's Redis. */
  readonly nodes?: { readonly host: string; readonly port: number }[];
  /** What each of the requests does: sets a field of its own, or adds one to a counter. */
  readonly what: 'fields' | 'count';
  readonly requests: number;
}

/** Sends requests of one session to an application in this process, all at once; gives how many succeeded. */
export async function run(
  { prefix, cookie, nodes, what, requests }: WriterTask,
  { index }: { readonly index: number },
): Promise<number> {
  const redis = nodes === undefined ? connect() : new Cluster(nodes);
  const sessions = createSessions<Record<string, unknown>>({
    redis: redis as Redis,
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
  const paths = Array.from({ length: requests }, (_, at) => (what === 'count' ? '/count' : `/field/p${index}n${at}`));
  const answers = await Promise.all(
    paths.map((path) => fetch(server.url + path, { method: 'POST', headers: { cookie } })),
  );
  redis.disconnect();
  return answers.filter(({ status }) => status === 200).length;
}
