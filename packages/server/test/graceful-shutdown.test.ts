import {
  createServer as createPlainServer,
  Agent,
  get,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import { connect, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import {
  gracefulShutdown,
  ServerOptionError,
  ShutdownError,
  type ShutdownEvent,
  type ShutdownOptions,
} from '@sallyport/server';
import { deferred, until } from '@sallyport/testkit';
import { certificate } from './certificate.js';
import { onTestFinished } from './on-test-finished.js';
import { started } from './started.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

async function serve(listener: RequestListener, options: ShutdownOptions = {}) {
  const server = createPlainServer(listener);
  const events: ShutdownEvent[] = [];
  const shutdown = gracefulShutdown(server, { onEvent: (event) => events.push(event), ...options });
  const url = await started(server);
  return { server, shutdown, events, port: Number(new URL(url).port) };
}

/** A client that shows every byte, and when the connection ends. */
function dial(port: number, send = '') {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  const closed = once(socket, 'close');
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1'))).on('error', () => undefined);
  if (send !== '') socket.write(send);
  onTestFinished(() => socket.destroy());
  return { socket, closed, text: () => text, answers: () => text.match(/HTTP\/1\.1 /g)?.length ?? 0 };
}

/** Collects requests that the test answers itself. */
function waitingRoom() {
  const waiting: { readonly req: IncomingMessage; readonly res: ServerResponse }[] = [];
  return { waiting, listener: (req: IncomingMessage, res: ServerResponse) => void waiting.push({ req, res }) };
}

describe('gracefulShutdown()', () => {
  it('answers what is under way with Connection: close, and then closes', async () => {
    const { waiting, listener } = waitingRoom();
    const { shutdown, port, events } = await serve(listener);
    const client = dial(port, GET);
    await until(() => waiting.length === 1);
    const closing = shutdown.close('a deployment');
    expect(shutdown.isClosing).toBe(true);
    waiting[0]?.res.end('done');
    const report = await closing;
    await client.closed;
    expect(client.text()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n[^]*done/);
    expect(report.aborted).toBe(0);
    expect(events).toEqual([
      { type: 'shutdown-started', reason: 'a deployment' },
      { type: 'shutdown-drained', reason: 'a deployment', ...report },
    ]);
  });

  it('lets a slow client have all of an answer that is ended and not written out', async () => {
    const size = 20_000_000;
    const { waiting, listener } = waitingRoom();
    const { shutdown, port } = await serve(listener);
    let bytes = 0;
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => socket.destroy());
    socket.write(GET);
    await until(() => waiting.length === 1);
    waiting[0]?.res.end(Buffer.alloc(size));
    const closing = shutdown.close();
    // Only now does the client begin to read; the system's buffers hold no 20 MB.
    expect(waiting[0]?.res.writableFinished).toBe(false);
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await once(socket, 'end');
    expect(bytes).toBeGreaterThan(size);
    expect(await closing).toMatchObject({ aborted: 0 });
  });

  it('accepts nothing new, and closes idle connections at once', async () => {
    const { shutdown, port } = await serve((_req, res) => res.end('hi'));
    const idle = dial(port, GET);
    await until(() => idle.answers() === 1);
    await shutdown.close();
    await idle.closed;
    const late = connect(port, '127.0.0.1');
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('does not wait for connections on which no request ever came', async () => {
    const { server, shutdown, port } = await serve((_req, res) => res.end(), { shutdownDeadlineMs: 60_000 });
    const spare = dial(port);
    await once(server, 'connection');
    await shutdown.close();
    await spare.closed;
    expect(spare.text()).toBe('');
  });

  it('gives a request whose headers have begun to come the time to finish', async () => {
    const { server, shutdown, port } = await serve((_req, res) => res.end('just in time'));
    const client = dial(port, GET.slice(0, 10));
    const [socket] = (await once(server, 'connection')) as [Socket];
    await until(() => socket.bytesRead > 0);
    const closing = shutdown.close();
    client.socket.write(GET.slice(10));
    expect(await closing).toMatchObject({ aborted: 0 });
    await client.closed;
    expect(client.text()).toContain('just in time');
  });

  it('does not wait long for a request that never finishes its headers', async () => {
    const { server, shutdown, port } = await serve((_req, res) => res.end(), { shutdownDeadlineMs: 60_000 });
    dial(port, GET.slice(0, 10));
    const [socket] = (await once(server, 'connection')) as [Socket];
    await until(() => socket.bytesRead > 0);
    expect(await shutdown.close()).toMatchObject({ aborted: 0 });
  });

  it('answers all pipelined requests, and says close with the last', async () => {
    const { waiting, listener } = waitingRoom();
    const { shutdown, port } = await serve(listener);
    const client = dial(port, GET + GET);
    await until(() => waiting.length === 2);
    const closing = shutdown.close();
    client.socket.write(GET);
    await until(() => waiting.length === 3);
    for (const [index, { res }] of waiting.entries()) res.end(`answer ${index}`);
    expect(await closing).toMatchObject({ aborted: 0 });
    await client.closed;
    expect(client.answers()).toBe(3);
    const heads = client.text().split('HTTP/1.1').slice(1);
    expect(heads.map((head) => /Connection: ([\w-]+)/.exec(head)?.[1])).toEqual(['keep-alive', 'keep-alive', 'close']);
  });

  it('ends a keep-alive connection whose answer had begun before, when that answer is complete', async () => {
    const { waiting, listener } = waitingRoom();
    const { shutdown, port } = await serve(listener);
    const client = dial(port, GET);
    await until(() => waiting.length === 1);
    waiting[0]?.res.write('first ');
    await until(() => client.text().includes('first'));
    const closing = shutdown.close();
    waiting[0]?.res.end('last');
    expect(await closing).toMatchObject({ aborted: 0 });
    await client.closed;
    expect(client.text()).toContain('last');
  });

  it('goes on accepting for drainDelayMs, and answers with Connection: close meanwhile', async () => {
    const { shutdown, port } = await serve((_req, res) => res.end('ready?'), { drainDelayMs: 500 });
    const closing = shutdown.close();
    const client = dial(port, GET);
    await client.closed;
    expect(client.text()).toMatch(/Connection: close[^]*ready\?/);
    expect((await closing).durationMs).toBeGreaterThanOrEqual(500);
  });

  it('cuts what is late at the deadline, and says how many', async () => {
    const { waiting, listener } = waitingRoom();
    const { shutdown, port } = await serve(listener, { shutdownDeadlineMs: 50 });
    const clients = [dial(port, GET), dial(port, GET)];
    await until(() => waiting.length === 2);
    expect(await shutdown.close()).toMatchObject({ aborted: 2 });
    await Promise.all(clients.map(({ closed }) => closed));
    expect(clients.map(({ text }) => text())).toEqual(['', '']);
  });

  it('cuts upgraded connections at the deadline', async () => {
    const { server, shutdown, port } = await serve((_req, res) => res.end(), { shutdownDeadlineMs: 50 });
    const upgraded = once(server, 'upgrade');
    const client = dial(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    await upgraded;
    await shutdown.close();
    await client.closed;
  });

  it('calls onShutdown after the last answer, once', async () => {
    const order: string[] = [];
    const { waiting, listener } = waitingRoom();
    const onShutdown = () => void order.push('onShutdown');
    const { shutdown, port } = await serve(listener, { onShutdown });
    const client = dial(port, GET);
    await until(() => waiting.length === 1);
    waiting[0]?.res.on('close', () => order.push('answered'));
    const [first, second] = [shutdown.close(), shutdown.close()];
    waiting[0]?.res.end();
    expect(await first).toBe(await second);
    await client.closed;
    expect(order).toEqual(['answered', 'onShutdown']);
  });

  it('rejects when onShutdown fails or hangs, with the server closed', async () => {
    const cause = new Error('the database is gone');
    const failing = await serve((_req, res) => res.end(), { onShutdown: () => Promise.reject(cause) });
    const failure = await failing.shutdown.close().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'ERR_SERVER_SHUTDOWN', cause });
    expect(failing.events.map(({ type }) => type)).toEqual(['shutdown-started', 'shutdown-drained', 'shutdown-failed']);

    const hangs = { onShutdown: () => deferred().promise, shutdownDeadlineMs: 1 };
    const hanging = await serve((_req, res) => res.end(), hangs);
    await expect(hanging.shutdown.close()).rejects.toThrow(ShutdownError);
    expect(hanging.server.listening).toBe(false);
  });

  it('closes although onEvent throws, and a server that never listened', async () => {
    const onEvent = () => {
      throw new Error('a broken listener');
    };
    const { shutdown } = await serve((_req, res) => res.end(), { onEvent });
    expect(await shutdown.close()).toMatchObject({ aborted: 0 });
    expect(await gracefulShutdown(createPlainServer()).close()).toMatchObject({ aborted: 0 });
  });

  it('waits for the answers of a server that somebody else has closed already', async () => {
    const { waiting, listener } = waitingRoom();
    const { server, shutdown, port } = await serve(listener);
    const client = dial(port, GET);
    await until(() => waiting.length === 1);
    server.close();
    const closing = shutdown.close();
    waiting[0]?.res.end('still answered');
    expect(await closing).toMatchObject({ aborted: 0 });
    await client.closed;
    expect(client.text()).toContain('still answered');
  });

  it('closes a server of HTTPS: answers, idle connections, and handshakes that never end', async () => {
    const { waiting, listener } = waitingRoom();
    const server = createTlsServer(certificate, listener);
    const shutdown = gracefulShutdown(server, { shutdownDeadlineMs: 60_000 });
    const port = Number(new URL(await started(server, 'https')).port);
    const [busy, spare] = [0, 1].map(() => connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }));
    const raw = dial(port);
    const half = dial(port, '\u0016\u0003\u0001');
    busy?.write(GET);
    const answer = once(busy as unknown as Server, 'data');
    await until(() => waiting.length === 1);
    await until(() => server.listenerCount('secureConnection') > 0 && spare?.authorizationError !== undefined);
    const closing = shutdown.close();
    waiting[0]?.res.end('sealed');
    expect(String((await answer)[0])).toContain('Connection: close');
    expect(await closing).toMatchObject({ aborted: 0 });
    await Promise.all([raw.closed, half.closed]);
    for (const socket of [busy, spare]) socket?.destroy();
  });

  it('holds on to no response once it is written out', async () => {
    const { waiting, listener } = waitingRoom();
    const { shutdown, port } = await serve(listener);
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const answer = once(get({ port, agent }), 'response') as Promise<[IncomingMessage]>;
    await until(() => waiting.length === 1);
    const gone = new WeakRef(waiting[0]?.res ?? {});
    waiting.pop()?.res.end('x');
    (await answer)[0].resume();
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    await until(() => {
      collect();
      return gone.deref() === undefined;
    });
    await shutdown.close();
  });

  it.each([
    ['server', {}, {}],
    ['server', 'http', {}],
    ['shutdownDeadlineMs', createPlainServer(), { shutdownDeadlineMs: 0 }],
    ['drainDelayMs', createPlainServer(), { drainDelayMs: '5' }],
    ['signals', createPlainServer(), { signals: ['SIGKILL'] }],
    ['signals', createPlainServer(), { signals: 'SIGTERM' }],
    ['onShutdown', createPlainServer(), { onShutdown: true }],
    ['deadline', createPlainServer(), { deadline: 5 }],
  ])('refuses a wrong %s', (option, server, options) => {
    const attempt = () => gracefulShutdown(server as never, options as never);
    expect(attempt).toThrow(ServerOptionError);
    expect(attempt).toThrow(`option \`${option}\` must be`);
    expect(process.listenerCount('SIGTERM')).toBe(0);
  });
});
