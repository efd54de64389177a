import { describe, expect, it } from '@jest/globals';
import { connect, countCommands, countingProxy, startProxy, uniquePrefix } from '@sallyport/testkit';

const prefix = uniquePrefix('count');
const threeCalls = `redis.call('SET', KEYS[1], '1') redis.call('INCR', KEYS[1]) return redis.call('GET', KEYS[1])`;

describe('countCommands()', () => {
  it('counts a script as one command, not what it calls inside', async () => {
    const redis = connect();
    const { result, commands, total } = await countCommands(redis, () => redis.eval(threeCalls, 1, `${prefix}lua`));
    expect(result).toBe('2');
    expect(commands).toStrictEqual({ eval: 1 });
    expect(total).toBe(1);
  });

  it('counts an EVALSHA that fails with NOSCRIPT, and the EVAL after it', async () => {
    const redis = connect();
    const { commands } = await countCommands(redis, async () => {
      await redis.evalsha('0'.repeat(40), 0).catch(() => undefined);
      await redis.eval('return 1', 0);
    });
    expect(commands).toStrictEqual({ evalsha: 1, eval: 1 });
  });

  it('counts each command of pipelines and transactions', async () => {
    const redis = connect();
    const { commands, total } = await countCommands(redis, async () => {
      await redis.pipeline().get(`${prefix}a`).get(`${prefix}b`).exec();
      await redis.multi().set(`${prefix}a`, '1').exec();
    });
    expect(commands).toStrictEqual({ get: 2, multi: 1, set: 1, exec: 1 });
    expect(total).toBe(5);
  });

  it('does not count other connections', async () => {
    const redis = connect();
    const other = connect();
    const { commands } = await countCommands(redis, async () => {
      await Promise.all([redis.get(`${prefix}a`), other.get(`${prefix}a`), other.set(`${prefix}a`, '1')]);
    });
    expect(commands).toStrictEqual({ get: 1 });
  });

  it('gives an empty count when nothing is sent', async () => {
    const redis = connect();
    expect(await countCommands(redis, () => 'nothing')).toStrictEqual({ result: 'nothing', commands: {}, total: 0 });
  });

  it('passes on the error of the function', async () => {
    const redis = connect();
    const count = countCommands(redis, () => Promise.reject(new Error('from the function')));
    await expect(count).rejects.toThrow('from the function');
  });
});

describe('countingProxy()', () => {
  it('counts without handshakes and without what a script calls', async () => {
    const proxy = await countingProxy();
    const redis = proxy.client();
    await redis.eval(threeCalls, 1, `${prefix}lua`);
    await proxy.client().get(`${prefix}lua`);
    expect(proxy.commands()).toStrictEqual({ eval: 1, get: 1 });
    expect(proxy.total()).toBe(2);
    expect(proxy.log()[1]).toMatchObject({ name: 'get', args: [`${prefix}lua`] });
  });

  it('counts commands that wait for one another as a round trip each', async () => {
    const proxy = await countingProxy();
    const redis = proxy.client();
    await redis.get(`${prefix}a`);
    await redis.get(`${prefix}b`);
    expect(proxy.roundTrips()).toBe(2);
  });

  it('counts a pipeline, and commands sent in parallel, as one round trip', async () => {
    const proxy = await countingProxy({ delayMs: 20 });
    const redis = proxy.client();
    await redis.pipeline().get(`${prefix}a`).get(`${prefix}b`).exec();
    expect(proxy.roundTrips()).toBe(1);
    await Promise.all([redis.get(`${prefix}a`), redis.get(`${prefix}b`)]);
    expect(proxy.roundTrips()).toBe(2);
    expect(proxy.commands()).toStrictEqual({ get: 4 });
  });

  it('begins anew after reset()', async () => {
    const proxy = await countingProxy();
    const redis = proxy.client();
    await redis.ping();
    proxy.reset();
    await redis.get(`${prefix}a`);
    expect([proxy.commands(), proxy.roundTrips()]).toStrictEqual([{ get: 1 }, 1]);
  });

  it('sees the second sending of a command whose reply was lost', async () => {
    const proxy = await countingProxy();
    const faulty = await startProxy({ port: proxy.port });
    const redis = faulty.client({ retryStrategy: () => 10 });
    await redis.ping();
    faulty.dropReplies(1);
    await redis.incr(`${prefix}resent`);
    expect(proxy.commands()).toMatchObject({ incr: 2 });
  });
});
