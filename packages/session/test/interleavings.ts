import { Agent, request as httpRequest } from 'node:http';
import { connect, deferred, uniquePrefix, type Deferred } from '@sallyport/testkit';
import { openShop } from './shop.js';

/** What a request of a schedule does to its session, after it has read it. */
export const ACTIONS = [
  'read',
  'write',
  'update',
  'touch',
  'renew',
  'log-in',
  'save-twice',
  'destroy',
  'log-out',
  'revoke',
  'revoke-all',
  'revoke-everyone',
] as const;
export type Action = (typeof ACTIONS)[number];

/** Those after which the session that was there is dead. */
export const ENDERS: readonly Action[] = ['log-in', 'destroy', 'log-out', 'revoke', 'revoke-all', 'revoke-everyone'];
/** Those that write to the session that they have read, and so have to learn that it is dead. */
export const WRITERS: readonly Action[] = ['write', 'update', 'save-twice', 'log-in'];
/** Those after which no session of the user is left, also none that a log-in made out of it. */
export const ENDERS_OF_ALL: readonly Action[] = ['revoke-all', 'revoke-everyone'];

export interface Answer {
  readonly status: number;
  readonly cookie: string;
  readonly body: string;
}

/** Two processes' worth of shops on one Redis, whose requests stop between reading their session and acting on it. */
export async function openLane() {
  const prefix = uniquePrefix('session');
  const gates = new Map<string, { arrived: Deferred<void>; open: Deferred<void> }>();
  const agent = new Agent({ keepAlive: true });
  const shops = await Promise.all(
    [0, 1].map(() =>
      openShop({
        prefix,
        redis: connect(),
        renewalMs: 1_000,
        deadlineMs: 20_000,
        routes: (app, sessions) => {
          app.post('/act/:action/:gate', async (req, res) => {
            const { action, gate } = req.params;
            const { session } = req;
            const { userId } = session;
            const [device] = userId === undefined ? [] : await sessions.list(userId, req);
            gates.get(gate)?.arrived.resolve();
            await gates.get(gate)?.open.promise;
            try {
              if (action === 'write') sessions.of(req).theme = gate;
              if (action === 'update') await session.update('count', (count = 0) => Number(count) + 1);
              if (action === 'save-twice') {
                sessions.of(req).cart = [gate];
                await session.save();
                sessions.of(req).cart = [gate, gate];
              }
              if (action === 'log-in' && userId !== undefined) await sessions.logIn(req, userId);
              if (action === 'destroy') await session.destroy();
              if (action === 'log-out') await sessions.logOut(req);
              if (action === 'revoke' && userId !== undefined) await sessions.revoke(userId, device?.deviceId ?? '');
              if (action === 'revoke-all' && userId !== undefined) await sessions.revokeAll(userId);
              if (action === 'revoke-everyone') await sessions.revokeEveryone();
              res.json({ userId: userId ?? null });
            } catch (error) {
              const { status = 500, message } = error as Error & { status?: number };
              res.status(status).json({ message });
            }
          });
        },
      }),
    ),
  );

  function ask(process: number, method: string, path: string, cookie: string): Promise<Answer> {
    const url = `${shops[process % 2]?.url}${path}`;
    return new Promise((resolve, reject) => {
      const sent = httpRequest(url, { method, agent, headers: cookie === '' ? {} : { cookie } }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('end', () => {
          const [set = ''] = response.headers['set-cookie'] ?? [];
          resolve({ status: response.statusCode ?? 0, cookie: set.split(';')[0] ?? '', body });
        });
      });
      sent.on('error', reject).end();
    });
  }

  return { shops, prefix, redis: connect(), ask, gates, close: () => agent.destroy() };
}

export type Lane = Awaited<ReturnType<typeof openLane>>;

/** A gate that a request of a schedule stops at. */
export function newGate(): { arrived: Deferred<void>; open: Deferred<void> } {
  return { arrived: deferred(), open: deferred() };
}
