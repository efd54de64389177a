import { describe, expect, it } from '@jest/globals';
import { connect, countCommands, countingProxy, dedicatedRedis, uniquePrefix } from '@sallyport/testkit';
import { defineScript } from '../src/index.js';

const prefix = uniquePrefix('core-script');
const add = defineScript({
  name: 'add',
  numberOfKeys: 1,
  lua: `local total = redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], 60000)
return total`,
  parse: Number,
});
/** Does its work and then fails, as a script with a bug does. */
const addThenFail = defineScript({
  name: 'addThenFail',
  numberOfKeys: 1,
  lua: `redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], 60000)
return redis.call('LPUSH', KEYS[1], 'x')`,
  parse: Number,
});

describe('defineScript()', () => {
  it('sends one EVALSHA when Redis knows the script', async () => {
    const redis = connect();
    await add.run(redis, [`${prefix}known`], [1]);
    const { result, commands } = await countCommands(redis, () => add.run(redis, [`${prefix}known`], [4]));
    expect(result).toBe(5);
    expect(commands).toEqual({ evalsha: 1 });
  });

  it('sends the text once after NOSCRIPT, and EVALSHA alone from then on', async () => {
    const server = await dedicatedRedis();
    const redis = server.client();
    await add.run(redis, ['total'], [1]);
    await redis.script('FLUSH');
    const flushed = await countCommands(redis, () => add.run(redis, ['total'], [1]));
    expect(flushed).toMatchObject({ result: 2, commands: { evalsha: 1, eval: 1 } });
    const again = await countCommands(redis, () => add.run(redis, ['total'], [1]));
    expect(again).toMatchObject({ result: 3, commands: { evalsha: 1 } });
  });

  it('does not repeat a script that failed', async () => {
    const redis = connect();
    const key = `${prefix}failed`;
    await expect(addThenFail.run(redis, [key])).rejects.toThrow('WRONGTYPE');
    const { commands } = await countCommands(redis, () => addThenFail.run(redis, [key]).catch(() => undefined));
    expect(commands).toEqual({ evalsha: 1 });
    await expect(redis.get(key)).resolves.toBe('2');
  });

  it('does not repeat a script whose reply the parser refuses', async () => {
    const redis = connect();
    const strict = defineScript({
      name: 'strict',
      numberOfKeys: 1,
      lua: `return redis.call('INCR', KEYS[1])`,
      parse: (reply) => {
        throw new TypeError(`unexpected reply ${String(reply)}`);
      },
    });
    await redis.script('LOAD', `return redis.call('INCR', KEYS[1])`);
    const { commands } = await countCommands(redis, () =>
      expect(strict.run(redis, [`${prefix}strict`])).rejects.toThrow('unexpected reply 1'),
    );
    expect(commands).toEqual({ evalsha: 1 });
  });

  it('gives Buffers when binary', async () => {
    const lua = `return ARGV[1]`;
    const echo = defineScript({ name: 'echo', numberOfKeys: 0, lua, binary: true, parse: (reply) => reply });
    const bytes = Buffer.from([0, 255, 128, 13, 10]);
    await expect(echo.run(connect(), [], [bytes])).resolves.toEqual(bytes);
  });

  it('refuses another number of keys than it was defined with, before anything is sent', async () => {
    const redis = connect();
    const { total } = await countCommands(redis, () =>
      expect(add.run(redis, ['a', 'b'], [1])).rejects.toThrow('add takes 1 keys, got 2'),
    );
    expect(total).toBe(0);
  });

  it('applies the keyPrefix of the client to the keys and not to the arguments', async () => {
    const redis = connect({ keyPrefix: prefix });
    await add.run(redis, ['prefixed'], [7]);
    await expect(connect().get(`${prefix}prefixed`)).resolves.toBe('7');
  });

  it('costs one round trip', async () => {
    const proxy = await countingProxy();
    const redis = proxy.client();
    await add.run(redis, [`${prefix}trips`], [1]);
    proxy.reset();
    await add.run(redis, [`${prefix}trips`], [1]);
    expect([proxy.roundTrips(), proxy.total()]).toEqual([1, 1]);
  });

  it('defines nothing on the client', async () => {
    const redis = connect();
    const before = Object.keys(redis);
    await add.run(redis, [`${prefix}untouched`], [1]);
    expect(Object.keys(redis).filter((name) => !before.includes(name) && /add|script/i.test(name))).toEqual([]);
  });
});
