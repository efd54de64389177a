import { request as httpRequest } from 'node:http';
import express from 'express';
import { describe, expect, it } from '@jest/globals';
import { createServer, listen, ListenError, ServerOptionError } from '@sallyport/server';
import request from 'supertest';
import { certificate } from './certificate.js';

const app = express().get('/', (_req, res) => void res.send('open'));

describe('listen()', () => {
  it('resolves when the app answers, and close() ends it', async () => {
    const service = await listen(app, { port: 0, host: '127.0.0.1' });
    expect(service.url).toBe(`http://127.0.0.1:${service.port}`);
    expect((await request(service.url).get('/')).text).toBe('open');
    expect(service.isClosing).toBe(false);
    expect(await service.close()).toMatchObject({ aborted: 0 });
    expect([service.isClosing, service.server.listening]).toEqual([true, false]);
  });

  it('listens on all interfaces by default and gives a URL that works here', async () => {
    const service = await listen(app, { port: 0 });
    expect(service.url).toBe(`http://localhost:${service.port}`);
    expect((await request(service.url).get('/')).status).toBe(200);
    await service.close();
  });

  it('speaks TLS', async () => {
    const service = await listen(app, { port: 0, host: '127.0.0.1', tls: certificate });
    expect(service.url).toMatch(/^https:/);
    expect((await request(service.url).get('/').trustLocalhost()).text).toBe('open');
    await service.close();
  });

  it('rejects with a ListenError when the port is taken, and leaves no signal handler', async () => {
    const first = await listen(app, { port: 0, host: '127.0.0.1' });
    const second = listen(app, { port: first.port, host: '127.0.0.1', signals: ['SIGUSR2'] });
    await expect(second).rejects.toThrow(ListenError);
    await expect(second).rejects.toMatchObject({ code: 'ERR_SERVER_LISTEN', cause: { code: 'EADDRINUSE' } });
    expect(process.listenerCount('SIGUSR2')).toBe(0);
    await first.close();
  });

  it('handles signals while it listens, and gives them back when it is closed', async () => {
    const service = await listen(app, { port: 0, host: '127.0.0.1', signals: ['SIGUSR2'] });
    expect(process.listenerCount('SIGUSR2')).toBe(1);
    await service.close();
    expect(process.listenerCount('SIGUSR2')).toBe(0);
  });

  it('answers the readiness check itself what isClosing says', async () => {
    const checked = express();
    const service = await listen(checked, { port: 0, host: '127.0.0.1', drainDelayMs: 300 });
    checked.get('/ready', (_req, res) => void res.sendStatus(service.isClosing ? 503 : 200));
    expect((await request(service.url).get('/ready')).status).toBe(200);
    const closing = service.close();
    const status = new Promise((resolve) => {
      httpRequest(`${service.url}/ready`, (answer) => resolve(answer.resume().statusCode)).end();
    });
    expect(await status).toBe(503);
    await closing;
  });
});

describe.each([
  ['createServer()', (options: object) => void createServer(app, options)],
  ['listen()', (options: object) => void listen(app, { port: 0, ...options })],
])('%s', (_name, attempt) => {
  it.each([
    ['headersTimeoutMs', { headersTimeoutMs: 0 }],
    ['headersTimeoutMs', { headersTimeoutMs: 3_000, requestTimeoutMs: 2_000 }],
    ['requestTimeoutMs', { requestTimeoutMs: '10' }],
    ['keepAliveTimeoutMs', { keepAliveTimeoutMs: NaN }],
    ['tls', { tls: true }],
    ['tls.ServerResponse', { tls: { ...certificate, ServerResponse: Object } }],
    ['nodeOptions', { nodeOptions: null }],
    ['nodeOptions.headersTimeout', { nodeOptions: { headersTimeout: 5 } }],
    ['nodeOptions.IncomingMessage', { nodeOptions: { IncomingMessage: Object } }],
    ['timeout', { timeout: 5 }],
  ])('refuses a wrong %s at once, and shows no secret', (option, options) => {
    expect(() => attempt(options)).toThrow(ServerOptionError);
    expect(() => attempt(options)).toThrow(`option \`${option}\` must be`);
  });

  it('leaves the options as they are', () => {
    const options = Object.freeze({ nodeOptions: Object.freeze({ maxHeaderSize: 4_096 }) });
    expect(() => createServer(app, options)).not.toThrow();
  });
});

it.each([[-1], ['3000'], [70_000], [undefined]])('listen() refuses the port %p', (port) => {
  expect(() => void listen(app, { port } as never)).toThrow('option `port` must be');
});

it.each([['app'], [{}], [undefined]])('createServer() refuses the app %p', (value) => {
  expect(() => createServer(value as never)).toThrow('option `app` must be');
});
