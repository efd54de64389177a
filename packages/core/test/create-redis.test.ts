import { once } from 'node:events';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { dedicatedRedis, redisUrl, startProxy, uniquePrefix, until, within } from '@sallyport/testkit';
import { Cluster, type Redis } from 'ioredis';
import { createRedis, OptionError, redisClient, type CreateRedisOptions, type RedisClient } from '../src/index.js';

const opened: (Redis | Cluster)[] = [];
const quiet: CreateRedisOptions = { onError: () => undefined };

function open(url: string, options: CreateRedisOptions = quiet): Redis | Cluster {
  const redis = createRedis(url, options);
  opened.push(redis);
  return redis;
}

async function openReady(url: string, options: CreateRedisOptions = quiet): Promise<Redis | Cluster> {
  const redis = open(url, options);
  await until(() => redis.status === 'ready', { timeoutMs: 10_000 });
  return redis;
}

/** The options of a client on one server or behind sentinels, which is not connected. */
function optionsOf(url: string) {
  const redis = open(url, { ...quiet, redisOptions: { lazyConnect: true } });
  if (redis instanceof Cluster) throw new Error('not a single client');
  return redis.options;
}

/** The process warnings of the test, as they were emitted. */
function recordWarnings(): unknown[][] {
  const warnings: unknown[][] = [];
  jest.spyOn(process, 'emitWarning').mockImplementation((...args: unknown[]) => void warnings.push(args));
  return warnings;
}

afterEach(() => {
  jest.restoreAllMocks();
  for (const redis of opened.splice(0)) redis.disconnect();
});

describe('createRedis()', () => {
  it.each([
    ['redis://db', { host: 'db', port: 6379, db: 0, username: null, password: null }],
    ['redis://127.0.0.1:7000/', { host: '127.0.0.1', port: 7000, db: 0 }],
    ['redis://127.0.0.1:7000/12', { db: 12 }],
    ['redis://[::1]:7000', { host: '::1', port: 7000 }],
    ['redis://[fe80::1]', { host: 'fe80::1', port: 6379 }],
    ['redis://my_db.internal:7000', { host: 'my_db.internal' }],
    ['redis://:secret@db', { username: null, password: 'secret' }],
    ['redis://secret@db', { username: null, password: 'secret' }],
    ['redis://ann:a%40b%2Fc%3Ad%25@db', { username: 'ann', password: 'a@b/c:d%' }],
    ['redis://ann:a:b:c@db', { username: 'ann', password: 'a:b:c' }],
    ['redis://ann:100%@db', { password: '100%' }],
    ['redis://ann:a?b#c@db', { host: 'db', password: 'a?b#c' }],
    ['rediss://db', { host: 'db', tls: {} }],
  ])('reads %s', (url, expected) => {
    expect(optionsOf(url)).toMatchObject(expected);
  });

  it('reads the sentinels, the name of the master, and credentials for the master', () => {
    expect(optionsOf('redis+sentinel://ann:pw@s1:1,[::1]:2,s3/my%20master')).toMatchObject({
      sentinels: [
        { host: 's1', port: 1 },
        { host: '::1', port: 2 },
        { host: 's3', port: 6379 },
      ],
      name: 'my master',
      username: 'ann',
      password: 'pw',
    });
  });

  it('uses TLS to the sentinels and to the master they name', () => {
    const secure = { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true };
    expect(optionsOf('rediss+sentinel://s1:1/main')).toMatchObject(secure);
  });

  it('gives a Cluster for a cluster URL, with the settings for its nodes', () => {
    const redis = open('rediss+cluster://ann:pw@h1:1,h2:2', { ...quiet, redisOptions: { keyPrefix: 'app:' } });
    expect(redis).toBeInstanceOf(Cluster);
    expect(redis.options).toMatchObject({
      enableOfflineQueue: false,
      keyPrefix: 'app:',
      redisOptions: { username: 'ann', password: 'pw', tls: {}, autoResendUnfulfilledCommands: false },
    });
  });

  it.each([
    'http://db:6379',
    'redis:db',
    'redis://',
    'redis://db:70000',
    'redis://db:port',
    'redis://h1:1,h2:2',
    'redis://db/main',
    'redis://db/1/2',
    'redis://db:6379?db=2',
    'redis+cluster://h1:1,,h2:2',
    'redis+cluster://h1:1/3',
    'redis+sentinel://h1:1',
    'redis+sentinel://h1:1/',
    'redis+tls://db',
    '',
    undefined,
    null,
    { host: 'db' },
  ])('refuses %j', (url) => {
    expect(() => createRedis(url as string)).toThrow(OptionError);
    expect(() => createRedis(url as string)).toThrow('option `url` must be of the form');
  });

  it.each([
    'redis://ann:hunter2@db:70000',
    'redis://ann:hunter2/x@db',
    'redis://ann:1/hunter2@db:6379',
    'redis://ann:hunter2@@db',
    'redis://ann:x@hunter2@db',
    'redis://ann:x@db?password=hunter2',
    'redis://ann:x@db#hunter2',
    'redis://ann:hunter2@db/name',
    'redis+sentinel://ann:a/hunter2@s1:1/main',
    'amqp://ann:hunter2@db',
  ])('refuses %s without repeating the password', (url) => {
    let error: unknown;
    try {
      createRedis(url);
    } catch (reason) {
      error = reason;
    }
    expect(error).toBeInstanceOf(OptionError);
    expect(JSON.stringify([error, String(error), (error as Error).cause ?? null])).not.toContain('hunter2');
  });

  it.each([
    [{ redisOption: {} }, 'redisOption'],
    [{ commandTimeout: 5 }, 'commandTimeout'],
    [{ redisOptions: 'x' }, 'redisOptions'],
    [{ onError: true }, 'onError'],
  ])('refuses the options %j', (options, name) => {
    expect(() => createRedis('redis://db', options as CreateRedisOptions)).toThrow(`option \`${name}\` must be`);
  });

  it('lets redisOptions win', () => {
    const redis = open('redis://db', { ...quiet, redisOptions: { lazyConnect: true, connectTimeout: 7, db: 3 } });
    expect(redis.options).toMatchObject({ connectTimeout: 7, db: 3, enableOfflineQueue: false });
  });

  it('gives a client that every package accepts', async () => {
    const redis: RedisClient = await openReady(redisUrl());
    expect(redisClient(redis, { packageName: 'core-test', option: 'redis' })).toBe(redis);
    await expect(redis.call('echo', 'hello')).resolves.toBe('hello');
    await expect(redis.callBuffer('echo', Buffer.from([255]))).resolves.toEqual(Buffer.from([255]));
  });

  it('signs in with a password full of signs', async () => {
    const password = 'p@ss/w:rd %?#é';
    const server = await dedicatedRedis({ password });
    const redis = await openReady(`redis://:${encodeURIComponent(password)}@${server.host}:${server.port}`);
    await expect(redis.ping()).resolves.toBe('PONG');
    await redis.call('acl', 'setuser', 'ann', 'on', '>pw', '~*', '+@all');
    const ann = await openReady(`redis://ann:pw@${server.host}:${server.port}/3`);
    await expect(ann.call('acl', 'whoami')).resolves.toBe('ann');
    await expect(ann.client('INFO')).resolves.toContain(' db=3 ');
  });
});

describe('the client of createRedis()', () => {
  it('does not send a command again whose reply was lost', async () => {
    const key = uniquePrefix('core-resend');
    const proxy = await startProxy();
    const redis = await openReady(proxy.url);
    proxy.dropReplies((command) => command.name === 'incr');
    await expect(redis.incr(key)).rejects.toThrow('max retries per request');
    await proxy.heal();
    await until(() => redis.status === 'ready');
    await expect(redis.get(key)).resolves.toBe('1');
  });

  it('fails commands at once while the server is down', async () => {
    const server = await dedicatedRedis();
    const redis = await openReady(server.url);
    await server.kill();
    await until(() => redis.status !== 'ready');
    for (let count = 0; count < 10; count += 1) {
      const call = redis.get('key');
      expect(await within(1_000, call)).toBeLessThan(500);
      await expect(call).rejects.toThrow(/writeable/);
    }
  });

  it('fails the commands that wait for an answer when the connection breaks', async () => {
    const server = await dedicatedRedis();
    const redis = await openReady(server.url);
    server.pause();
    const failure = redis.incr('key').catch((error: unknown) => error);
    await server.kill();
    await within(2_000, failure);
    await expect(failure).resolves.toHaveProperty('name', 'MaxRetriesPerRequestError');
  });

  it('works again within a second after a restart', async () => {
    const server = await dedicatedRedis();
    const redis = await openReady(server.url);
    await server.kill();
    // Long enough that the pauses between attempts have grown to their maximum.
    let attempts = 0;
    redis.on('reconnecting', () => (attempts += 1));
    await until(() => attempts >= 5, { timeoutMs: 10_000 });
    await server.restart();
    const start = performance.now();
    await until(async () => (await redis.ping()) === 'PONG', { timeoutMs: 5_000 });
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it('replaces a connection that swallows commands', async () => {
    const proxy = await startProxy();
    const redis = await openReady(proxy.url, { ...quiet, redisOptions: { socketTimeout: 200 } });
    proxy.blackHole();
    const call = redis.ping();
    await within(5_000, call);
    await expect(call).rejects.toThrow('max retries per request');
    await proxy.heal();
    await until(async () => (await redis.ping()) === 'PONG');
  });

  it('connects anew when its server has become a replica, and does not repeat the refused command', async () => {
    const server = await dedicatedRedis();
    const admin = server.client();
    const redis = await openReady(server.url);
    await admin.call('replicaof', '127.0.0.1', '1');
    const closed = once(redis, 'close');
    await expect(redis.eval(`return redis.call('INCR', KEYS[1])`, 1, 'key')).rejects.toThrow('READONLY');
    await admin.call('replicaof', 'no', 'one');
    await closed;
    await until(() => redis.status === 'ready');
    await expect(redis.exists('key')).resolves.toBe(0);
  });

  it('warns once per outage when nobody listens to errors', async () => {
    const warnings = recordWarnings();
    const server = await dedicatedRedis();
    const redis = await openReady(server.url, {});
    for (const outage of [1, 2]) {
      await server.kill();
      let attempts = 0;
      redis.on('reconnecting', () => (attempts += 1));
      await until(() => attempts >= 4, { timeoutMs: 10_000 });
      expect(warnings).toHaveLength(outage);
      await server.restart();
      await until(() => redis.status === 'ready', { timeoutMs: 10_000 });
    }
    expect(warnings[1]).toEqual([expect.stringMatching(/^Redis connection: .*ECONN/), 'SallyportWarning']);
  });

  it('hands errors to onError, and has a word for a refused localhost', async () => {
    const proxy = await startProxy();
    await proxy.refuse();
    const errors: Error[] = [];
    open(`redis://localhost:${proxy.port}`, { onError: (error) => errors.push(error) });
    await until(() => errors.length >= 2);
    expect(errors[0]).toHaveProperty('code', 'ECONNREFUSED');
  });
});
