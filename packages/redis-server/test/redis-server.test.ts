import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startRedis, type RedisServer, type StartRedisOptions } from '../src/index.js';
import { findFreePorts, isPortFree } from '../src/free-port.js';
import { withConnection } from '../src/resp.js';

const started: RedisServer[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

async function start(options?: StartRedisOptions): Promise<RedisServer> {
  const server = await startRedis(options);
  started.push(server);
  return server;
}

const ask = (server: RedisServer, ...words: string[]) => withConnection(server, (redis) => redis.text(...words));

describe('startRedis()', () => {
  it('starts a server on 127.0.0.1 that answers at once', async () => {
    const server = await start();
    expect(server.url).toBe(`redis://127.0.0.1:${server.port}`);
    expect(await ask(server, 'PING')).toBe('PONG');
    expect(await ask(server, 'INFO', 'server')).toContain(`process_id:${server.pid}`);
  });

  it('starts several at once, each on a port of its own', async () => {
    const servers = await Promise.all([start(), start(), start(), start()]);
    expect(new Set(servers.map((server) => server.port)).size).toBe(4);
    expect(new Set(servers.map((server) => server.pid)).size).toBe(4);
  });

  it('keeps nothing on disk', async () => {
    const server = await start();
    expect(await ask(server, 'CONFIG', 'GET', 'save')).toBe('save,');
    expect(await ask(server, 'CONFIG', 'GET', 'appendonly')).toBe('appendonly,no');
  });

  it('passes databases and further arguments on', async () => {
    const server = await start({ databases: 64, args: ['--maxmemory', '10mb'] });
    expect(await ask(server, 'CONFIG', 'GET', 'databases')).toBe('databases,64');
    expect(await ask(server, 'CONFIG', 'GET', 'maxmemory')).toBe('maxmemory,10485760');
  });

  it('asks for the password, and puts it into the URL', async () => {
    const server = await start({ password: 'p@ss/word' });
    expect(server.url).toBe(`redis://:p%40ss%2Fword@127.0.0.1:${server.port}`);
    await expect(ask(server, 'PING')).rejects.toThrow('NOAUTH');
    expect(decodeURIComponent(new URL(server.url).password)).toBe('p@ss/word');
  });

  it('takes the port that it is given', async () => {
    const [port = 0] = await findFreePorts(1);
    expect((await start({ port })).url).toBe(`redis://127.0.0.1:${port}`);
  });

  it('refuses a port that is taken', async () => {
    const { port } = await start();
    await expect(startRedis({ port })).rejects.toMatchObject({ code: 'ERR_REDIS_SERVER_PORT_IN_USE', port });
  });

  it('rejects with the log of a server that does not start', async () => {
    await expect(startRedis({ args: ['--no-such-setting', 'yes'] })).rejects.toMatchObject({
      code: 'ERR_REDIS_SERVER_START',
      message: expect.stringMatching(/ended: exit code 1[^]*no-such-setting/) as unknown,
    });
  });

  it.each([
    [{ port: 0 }, 'port must be an integer from 1 to 65535, got 0'],
    [{ port: '6379' }, 'port must be an integer from 1 to 65535, got "6379"'],
    [{ databases: Number.NaN }, 'databases must be an integer from 1 to 10000, got NaN'],
    [{ password: '' }, 'password must be a string that is not empty, got ""'],
    [{ args: '--save' }, 'args must be an array of strings, got "--save"'],
    [{ onExit: 1 }, 'onExit must be a function, got 1'],
    [{ prot: 1 }, 'Unknown option prot; known are'],
    [null, 'options must be an object, got null'],
  ])('throws synchronously for %j', (options, message) => {
    expect(() => startRedis(options as object)).toThrow(message);
  });
});

describe('RedisServer', () => {
  it('stop() ends the server and frees its port, and may be called twice', async () => {
    const server = await start();
    const directory = (await ask(server, 'CONFIG', 'GET', 'dir')).replace('dir,', '');
    expect(existsSync(directory)).toBe(true);
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    expect(server.pid).toBe(0);
    expect(await isPortFree(server.port)).toBe(true);
    expect(existsSync(directory)).toBe(false);
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'kill(%s) ends the process, and restart() starts an empty one',
    async (signal) => {
      const server = await start();
      await ask(server, 'SET', 'key', 'value');
      const { pid, port } = server;
      await server.kill(signal);
      expect(server.pid).toBe(0);
      expect(await isPortFree(port)).toBe(true);
      await server.restart();
      expect(server.port).toBe(port);
      expect(server.pid).not.toBe(pid);
      expect(await ask(server, 'DBSIZE')).toBe('0');
    },
  );

  it('pause() keeps connections open without an answer until resume()', async () => {
    const server = await start();
    await withConnection(server, async (redis) => {
      server.pause();
      let isAnswered = false;
      const reply = redis.command('PING').finally(() => (isAnswered = true));
      // Another server answers meanwhile, so the paused one has had its chance.
      expect(await ask(await start(), 'PING')).toBe('PONG');
      expect(isAnswered).toBe(false);
      server.resume();
      expect(await reply).toBe('PONG');
    });
  });

  it('ends while it is paused', async () => {
    const [first, second] = await Promise.all([start(), start()]);
    first.pause();
    second.pause();
    await Promise.all([first.kill('SIGTERM'), second.stop()]);
    expect([first.pid, second.pid]).toEqual([0, 0]);
  });

  it('refuses to pause a server that is down and to restart one that is stopped', async () => {
    const server = await start();
    await server.kill();
    expect(() => server.pause()).toThrow(`The server on port ${server.port} is not running`);
    expect(() => server.resume()).toThrow('is not running');
    await server.stop();
    await expect(server.restart()).rejects.toMatchObject({ code: 'ERR_REDIS_SERVER_STATE' });
  });

  it('reports an end that nobody asked for, and no other', async () => {
    const exits: unknown[] = [];
    let report = () => {};
    const reported = new Promise<void>((resolve) => (report = resolve));
    const server = await start({
      onExit: (exit) => {
        exits.push(exit);
        report();
      },
    });
    await server.restart();
    await server.kill('SIGTERM');
    await server.restart();
    await ask(server, 'SHUTDOWN', 'NOSAVE').catch(() => 'the connection closes instead of an answer');
    await reported;
    expect(exits).toEqual([{ code: 0, signal: null }]);
    expect(server.pid).toBe(0);
    await server.restart();
    expect(await ask(server, 'PING')).toBe('PONG');
  });
});
