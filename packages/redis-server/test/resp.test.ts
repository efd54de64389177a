import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startRedis, type RedisServer } from '../src/index.js';
import { RespConnection, withConnection } from '../src/resp.js';
import { RespError } from '../src/resp-reply.js';

describe('RespConnection', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ password: 'open sesame' });
  });
  afterAll(() => redis.stop());

  const address = () => ({ host: redis.host, port: redis.port, password: 'open sesame' });

  it('answers commands in the order in which they were sent', async () => {
    await withConnection(address(), async (connection) => {
      const replies = ['a', 'b', 'c'].map((word) => connection.command('ECHO', word));
      expect(await Promise.all(replies)).toEqual(['a', 'b', 'c']);
    });
  });

  it('carries a value that arrives in many pieces', async () => {
    const value = 'x'.repeat(3_000_000);
    await withConnection(address(), async (connection) => {
      await connection.command('SET', 'large', value);
      expect(await connection.command('GET', 'large')).toBe(value);
    });
  });

  it('rejects one command with the error of the server and goes on', async () => {
    await withConnection(address(), async (connection) => {
      await expect(connection.command('NOSUCHCOMMAND')).rejects.toThrow(RespError);
      expect(await connection.command('PING')).toBe('PONG');
    });
  });

  it('refuses to open with a wrong password', async () => {
    await expect(RespConnection.open({ ...address(), password: 'wrong' })).rejects.toThrow('WRONGPASS');
  });

  it('rejects commands after close()', async () => {
    const connection = await RespConnection.open(address());
    connection.close();
    await expect(connection.command('PING')).rejects.toThrow('connection closed');
  });
});

describe('RespConnection', () => {
  let server: Server | undefined;
  afterEach(() => void server?.close());

  async function listen(onConnection: (socket: Socket) => void) {
    server = createServer(onConnection).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  }

  describe('when the server never answers', () => {
    it('rejects at the deadline', async () => {
      const connection = await RespConnection.open(await listen(() => {}), 50);
      await expect(connection.command('PING')).rejects.toThrow('no reply to PING within 50 ms');
    });
  });

  describe('when the server hangs up', () => {
    it('rejects all that waits for a reply', async () => {
      const connection = await RespConnection.open(
        await listen((socket) => socket.once('data', () => socket.destroy())),
      );
      const replies = await Promise.allSettled([connection.command('PING'), connection.command('PING')]);
      expect(replies.map((reply) => reply.status)).toEqual(['rejected', 'rejected']);
    });
  });

  describe('when something else than Redis listens', () => {
    it('rejects instead of throwing out of the event loop', async () => {
      const address = await listen((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
      const connection = await RespConnection.open(address);
      await expect(connection.command('PING')).rejects.toThrow(/not a RESP2 reply|connection closed/);
    });
  });

  describe('when nothing listens', () => {
    it('rejects with the error of the system', async () => {
      const address = await listen(() => {});
      await new Promise((resolve) => server?.close(resolve));
      await expect(RespConnection.open(address)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    });
  });
});
