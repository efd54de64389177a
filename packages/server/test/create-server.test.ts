import { createServer as createPlainServer, IncomingMessage, request as httpRequest, Server } from 'node:http';
import { createSecureServer } from 'node:http2';
import { Server as HttpsServer } from 'node:https';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import express from 'express';
import { describe, expect, it } from '@jest/globals';
import { createServer, messageClasses } from '@sallyport/server';
import { expressVersions } from '@sallyport/testkit';
import request from 'supertest';
import { keepUpgradesPlain } from '../src/plain-upgrades.js';
import { started } from './started.js';
import { certificate } from './certificate.js';

describe.each(expressVersions)('createServer() on $name', ({ express: version }) => {
  it('serves the app over HTTP', async () => {
    const server = createServer(version().get('/', (req, res) => void res.json({ secure: req.secure })));
    expect(server).toBeInstanceOf(Server);
    expect((await request(server).get('/')).body).toEqual({ secure: false });
  });

  it('serves the app over HTTPS', async () => {
    const app = version().get('/', (req, res) => void res.json({ secure: req.secure, own: req.app === app }));
    const server = createServer(app, { tls: certificate });
    expect(server).toBeInstanceOf(HttpsServer);
    expect((await request(server).get('/').trustLocalhost()).body).toEqual({ secure: true, own: true });
  });

  it('serves HTTP/1.1 on a server of HTTP/2, where Express answers nothing else', async () => {
    const app = version().get('/', (req, res) => void res.json([req.httpVersion, req.app === app]));
    const { IncomingMessage: Http1IncomingMessage, ServerResponse: Http1ServerResponse } = messageClasses(app, true);
    const server = createSecureServer(
      { ...certificate, allowHTTP1: true, Http1IncomingMessage, Http1ServerResponse } as object,
      app as never,
    );
    const url = await started(server, 'https');
    expect((await request(url).get('/').trustLocalhost()).body).toEqual(['1.1', true]);
  });
});

describe('createServer()', () => {
  it('serves a listener that is no Express app', async () => {
    expect((await request(createServer((_req, res) => res.end('plain'))).get('/')).text).toBe('plain');
  });

  it('sets time-outs that bound a slow client and outlive a load balancer', () => {
    const server = createServer(express());
    expect([server.headersTimeout, server.requestTimeout, server.keepAliveTimeout]).toEqual([15_000, 120_000, 65_000]);
    const other = createServer(express(), {
      headersTimeoutMs: 1_000,
      requestTimeoutMs: 2_000,
      keepAliveTimeoutMs: 3_000,
    });
    expect([other.headersTimeout, other.requestTimeout, other.keepAliveTimeout]).toEqual([1_000, 2_000, 3_000]);
  });

  it('answers 408 to a client that does not finish its headers in time', async () => {
    const server = createServer(express(), { headersTimeoutMs: 100 });
    const url = await started(server);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nX-Half');
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    expect(bytes.toString()).toMatch(/^HTTP\/1\.1 408 /);
    socket.destroy();
  });

  it('hands further options to Node', async () => {
    const server = createServer(express(), { nodeOptions: { maxHeaderSize: 1_024 } });
    const answer = await request(server).get('/').set('X-Long', 'x'.repeat(2_000));
    expect(answer.status).toBe(431);
  });

  it.each([['upgrade'], ['connect']])(
    'gives listeners of "%s" a request without the app\'s prototypes',
    async (event) => {
      const app = express();
      const server = createPlainServer(messageClasses(app, true), app);
      keepUpgradesPlain(server);
      const url = await started(server);
      const seen = new Promise((resolve) => {
        server.on(event, (req: IncomingMessage, socket: Socket) => {
          // What WebSocket libraries do; Express 5 has a getter of that name and no setter.
          resolve([Object.getPrototypeOf(req) === IncomingMessage.prototype, Object.assign(req, { query: 'q' }).query]);
          socket.destroy();
        });
      });
      const headers = event === 'upgrade' ? { Connection: 'Upgrade', Upgrade: 'websocket' } : {};
      const client = httpRequest(url, { method: event === 'connect' ? 'CONNECT' : 'GET', headers });
      client.on('error', () => undefined).end();
      expect(await seen).toEqual([true, 'q']);
    },
  );

  it('lets the app answer an upgrade that nobody listens for', async () => {
    const server = createServer(express().get('/', (_req, res) => void res.send('no sockets here')));
    const answer = await request(server).get('/').set({ Connection: 'Upgrade', Upgrade: 'websocket' });
    expect([answer.text, server.listenerCount('upgrade')]).toEqual(['no sockets here', 0]);
  });
});
