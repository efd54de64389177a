import { describe, expect, it } from '@jest/globals';
import { connect, startProxy, uniquePrefix, until, within } from '@sallyport/testkit';

const prefix = uniquePrefix('fault-proxy');
const direct = connect();
const retryStrategy = () => 10;

describe('startProxy()', () => {
  it('passes commands of all sizes and their replies, in both protocols', async () => {
    const proxy = await startProxy();
    const large = 'x'.repeat(300_000);
    for (const protocol of [2, 3] as const) {
      const redis = proxy.client({ protocol });
      const replies = await redis
        .pipeline()
        .set(`${prefix}large`, large)
        .get(`${prefix}large`)
        .hgetall(`${prefix}none`)
        .exec();
      expect(replies).toStrictEqual([
        [null, 'OK'],
        [null, large],
        [null, {}],
      ]);
    }
    expect(proxy.connections()).toBe(2);
  });

  it('uses the database of the worker, so that keys are the same on both ways', async () => {
    const proxy = await startProxy();
    await proxy.client().set(`${prefix}same`, 'here');
    expect(await direct.get(`${prefix}same`)).toBe('here');
  });

  it('passes messages of subscriptions', async () => {
    const proxy = await startProxy();
    for (const protocol of [2, 3] as const) {
      const subscriber = proxy.client({ protocol });
      const messages: string[] = [];
      subscriber.on('message', (_channel: string, message: string) => messages.push(message));
      await subscriber.subscribe(`${prefix}channel`, `${prefix}other`);
      await direct.publish(`${prefix}channel`, 'hello');
      await until(() => messages.includes('hello'), { description: 'the message is there' });
    }
  });

  describe('when replies are dropped', () => {
    it('makes ioredis send the command again: two INCR count three', async () => {
      const proxy = await startProxy();
      const redis = proxy.client({ retryStrategy });
      await redis.ping();
      proxy.dropReplies(1);
      expect(await redis.incr(`${prefix}twice`)).toBe(2);
      expect(await redis.incr(`${prefix}twice`)).toBe(3);
    });

    it('spares the replies before the dropped one in a pipeline', async () => {
      const proxy = await startProxy();
      const redis = proxy.client({ retryStrategy, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 });
      await redis.ping();
      proxy.dropReplies(({ name }) => name === 'incr');
      const set = redis.set(`${prefix}before`, '1');
      const incr = redis.incr(`${prefix}counter`);
      expect(await set).toBe('OK');
      await expect(incr).rejects.toThrow(/max retries|closed/i);
      expect(await direct.get(`${prefix}counter`)).toBe('1');
    });

    it('spares the handshake, so that the client reconnects', async () => {
      const proxy = await startProxy();
      proxy.dropReplies(1);
      const redis = proxy.client({ retryStrategy });
      await redis.incr(`${prefix}handshake`);
      expect(await direct.get(`${prefix}handshake`)).toBe('2');
    });
  });

  describe('when replies are delayed', () => {
    it('answers that much later, in order', async () => {
      const proxy = await startProxy();
      const redis = proxy.client();
      await redis.ping();
      proxy.delay(80);
      const start = performance.now();
      const replies = await Promise.all([redis.echo('a'), redis.echo('b')]);
      expect(performance.now() - start).toBeGreaterThanOrEqual(79);
      expect(replies).toStrictEqual(['a', 'b']);
    });

    it('has executed the command long before the reply arrives', async () => {
      const proxy = await startProxy();
      const redis = proxy.client();
      await redis.ping();
      proxy.delay(5000);
      const set = redis.set(`${prefix}early`, 'done');
      await until(async () => (await direct.get(`${prefix}early`)) === 'done', { description: 'the key is written' });
      proxy.cut();
      await proxy.heal();
      expect(await set).toBe('OK');
    });

    it('lets requests arrive late when they are delayed instead', async () => {
      const proxy = await startProxy();
      const redis = proxy.client();
      await redis.ping();
      proxy.delay(60_000, 'requests');
      const set = redis.set(`${prefix}late`, 'done');
      await direct.ping();
      expect(await direct.get(`${prefix}late`)).toBeNull();
      proxy.cut();
      await proxy.heal();
      expect(await set).toBe('OK');
    });
  });

  describe('when it is a black hole', () => {
    it('keeps connections open without an answer, and delivers after healing', async () => {
      const proxy = await startProxy();
      const redis = proxy.client();
      await redis.ping();
      proxy.blackHole();
      const set = redis.set(`${prefix}held`, 'late');
      await expect(within(60, set)).rejects.toThrow('Still pending after 60 ms');
      expect(proxy.connections()).toBe(1);
      expect(await direct.exists(`${prefix}held`)).toBe(0);
      await proxy.heal();
      expect(await set).toBe('OK');
    });

    it('accepts new connections and does not answer them either', async () => {
      const proxy = await startProxy();
      proxy.blackHole();
      const ping = proxy.client().ping();
      await until(() => proxy.connections() === 1, { description: 'the connection is accepted' });
      await expect(within(60, ping)).rejects.toThrow('Still pending');
      await proxy.heal();
      expect(await ping).toBe('PONG');
    });
  });

  it('breaks the open connections once on cut()', async () => {
    const proxy = await startProxy();
    const redis = proxy.client({ retryStrategy });
    await redis.ping();
    const closed = new Promise((resolve) => redis.once('close', resolve));
    proxy.cut();
    await closed;
    expect(await redis.ping()).toBe('PONG');
  });

  it('refuses connections until it is healed, then listens on the same port', async () => {
    const proxy = await startProxy();
    const redis = proxy.client({ retryStrategy, maxRetriesPerRequest: 0 });
    await redis.ping();
    const { port } = proxy;
    await proxy.refuse();
    expect(proxy.connections()).toBe(0);
    await expect(redis.ping()).rejects.toThrow(/max retries|closed/i);
    await proxy.heal();
    expect(proxy.port).toBe(port);
    await until(() => redis.ping(), { description: 'the client has reconnected' });
  });
});
